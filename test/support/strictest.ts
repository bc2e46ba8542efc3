/** What an app's `tsconfig.json` may have on top of `strict`, and what makes the compiler look into declarations too. */
export const STRICTEST = {
  strict: true,
  // As in the configuration that Nest's own command makes.
  declaration: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
} as const;
