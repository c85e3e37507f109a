import type { PathParameters, Route } from '../call.ts';

export type RouteMatch =
  | { readonly kind: 'route'; readonly route: Route; readonly parameters: PathParameters }
  | { readonly kind: 'wrong-method'; readonly allowed: readonly string[] }
  | { readonly kind: 'none' };

interface Pattern {
  readonly route: Route;
  readonly expression: RegExp;
  readonly names: readonly string[];
}

const NO_PARAMETERS: PathParameters = Object.freeze({});
const BRACED = /^\{(\w+)\}$/;

function patternOf(route: Route): Pattern {
  const names: string[] = [];
  const parts = route.path.split('/').map(part => {
    const name = BRACED.exec(part)?.[1];
    if (name === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    names.push(name);
    return '([^/]+)';
  });
  return { route, names, expression: new RegExp(`^${parts.join('/')}$`) };
}

function decodeSegment(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

const methodOf = (method: string): string => (method === 'HEAD' ? 'GET' : method);

/** Finds routes: fixed paths by one look-up, those with names by their patterns. Of equal routes the first counts. */
export function createRouteTable(routes: readonly Route[]): (method: string, path: string) => RouteMatch {
  const fixed = new Map<string, Map<string, Route>>();
  const patterns: Pattern[] = [];
  for (const route of routes) {
    if (route.path.includes('{')) patterns.push(patternOf(route));
    else {
      const methods = fixed.get(route.path) ?? new Map<string, Route>();
      if (!methods.has(route.method)) methods.set(route.method, route);
      fixed.set(route.path, methods);
    }
  }
  const allowedOf = (methods: readonly string[]): readonly string[] =>
    [...new Set(methods.flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : [method])))].sort();

  return (method, path) => {
    const wanted = methodOf(method);
    const methods = fixed.get(path);
    if (methods !== undefined) {
      const route = methods.get(wanted);
      return route === undefined
        ? { kind: 'wrong-method', allowed: allowedOf([...methods.keys()]) }
        : { kind: 'route', route, parameters: NO_PARAMETERS };
    }
    const allowed: string[] = [];
    for (const { route, expression, names } of patterns) {
      const match = expression.exec(path);
      if (match === null) continue;
      if (route.method !== wanted) {
        allowed.push(route.method);
        continue;
      }
      const values = match.slice(1).map(decodeSegment);
      if (values.includes(null)) return { kind: 'none' };
      const parameters = Object.fromEntries(names.map((name, at) => [name, values[at] ?? '']));
      return { kind: 'route', route, parameters };
    }
    return allowed.length > 0 ? { kind: 'wrong-method', allowed: allowedOf(allowed) } : { kind: 'none' };
  };
}
