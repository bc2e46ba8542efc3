import fc from 'fast-check';

// The smallest counterexample is for whoever reads of it; to mutation testing, the first one says as much.
if (process.env['STRYKER_MUTATOR_WORKER'] !== undefined) fc.configureGlobal({ endOnFailure: true });
