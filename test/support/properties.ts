import fc from 'fast-check';

// The smallest counterexample is for whoever reads of it; to mutation testing, the first one says as much.
/** How often a property that takes long is tried; `PROPERTY_RUNS=10` tries it ten times as often. */
export function runs(count: number): number {
  return Math.ceil(count * Number(process.env['PROPERTY_RUNS'] ?? 1));
}

if (process.env['STRYKER_MUTATOR_WORKER'] !== undefined) fc.configureGlobal({ endOnFailure: true });
