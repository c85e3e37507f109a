import { type CredentialSources, credentialsFrom } from './credentials.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import { type ImageRepository, openImageRepository } from './image-repository.ts';
import type { RetrySurroundings } from './retry.ts';

export interface RegistriesOptions extends CredentialSources, RetrySurroundings {
  /** Hosts (with port) that may be spoken to over plain HTTP, or with any certificate. */
  readonly insecure: readonly string[];
  /** Certificates (PEM) to trust besides the usual ones. */
  readonly certificates: readonly string[];
  readonly toolVersion: string;
}

/** The container registries of one run: connections, tokens and credentials are shared per registry. */
export interface Registries extends AsyncDisposable {
  repository(of: { readonly registry: string; readonly repository: string }): ImageRepository;
}

export function openRegistries(options: RegistriesOptions): Registries {
  const find = credentialsFrom(options);
  const endpoints = new Map<string, Endpoint>();
  const insecure = options.insecure.map(host => host.toLowerCase());
  const endpointOf = (registry: string): Endpoint => {
    const known = endpoints.get(registry);
    if (known !== undefined) return known;
    const endpoint = openEndpoint({
      ...options,
      registry,
      insecure: insecure.includes(registry),
      find,
      userAgent: `quickserveml/${options.toolVersion}`,
    });
    endpoints.set(registry, endpoint);
    return endpoint;
  };
  return {
    repository: ({ registry, repository }) => openImageRepository(endpointOf(registry), repository, options),
    async [Symbol.asyncDispose]() {
      await Promise.all([...endpoints.values()].map(endpoint => endpoint.close()));
    },
  };
}
