/** How what is attached to an image is signed. */
export const PROOF_MODES = ['auto', 'key', 'keyless', 'off'] as const;
export type ProofMode = (typeof PROOF_MODES)[number];
