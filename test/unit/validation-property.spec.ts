import { describe, expect, it } from '@jest/globals';
import { validateSync } from 'class-validator';
import fc from 'fast-check';
import { checkRequest } from '../../lib/dto/check-request.js';
import { RtcValidationError, type ValidationIssue } from '../../lib/errors/rtc-validation.error.js';
import type { RtcActionName } from '../../lib/openapi/rtc-action.js';
import { REQUEST_DTOS } from '../support/request-dtos.js';
import { type AnyRequest, anyRequests, MODELS, wrongPaths } from '../support/request-model.js';
import '../support/properties.js';

const RUNS = 200;

function issuesOf(action: RtcActionName, request: unknown): readonly ValidationIssue[] {
  try {
    checkRequest(action, request);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(RtcValidationError);
    return (error as RtcValidationError).issues;
  }
}

describe.each(MODELS)('the rules of $action', (model) => {
  const dtoClass: new () => object = REQUEST_DTOS[model.action];

  it('are those of the model, whatever the request, and each problem is named by its place', () => {
    let good = 0;
    fc.assert(
      fc.property(anyRequests(model), (request) => {
        const expected = wrongPaths(model, request);
        const issues = issuesOf(model.action, request);
        const paths = issues.map(({ path }) => path);
        // A list names the first 20.
        if (expected.length <= 20) expect([...paths].sort()).toEqual(expected);
        else expect(paths.length).toBeGreaterThan(0);
        for (const { message } of issues)
          expect(message).toMatch(/^(is|has|holds|must be|must have|can't|"|contains)/);
        if (expected.length === 0) good += 1;
      }),
      { numRuns: RUNS },
    );
    expect(good).toBeGreaterThan(RUNS / 10);
  });

  it('accept a legal request unchanged', () => {
    fc.assert(
      fc.property(
        anyRequests(model).filter((request) => wrongPaths(model, request).length === 0),
        (request) => {
          const checked = checkRequest(model.action, request);
          expect(checked).toEqual(request);
          for (const [name, value] of Object.entries(request))
            expect((checked as unknown as AnyRequest)[name]).toEqual(value);
        },
      ),
      { numRuns: RUNS / 4 },
    );
  });

  it('hold for the DTO in an app of its own too', () => {
    fc.assert(
      fc.property(anyRequests(model), (request) => {
        // What else there is, the app's own pipe is to be told about.
        const known = new Set([...model.fields, 'message', 'from', 'binary']);
        const given = Object.fromEntries(Object.entries(request).filter(([name]) => known.has(name)));
        const errors = validateSync(Object.assign(new dtoClass(), given));
        const fields = new Set(wrongPaths(model, given).map((path) => path.replace(/\[.*/, '')));
        expect(errors.map(({ property }) => property).sort()).toEqual([...fields].sort());
      }),
      { numRuns: RUNS / 2 },
    );
  });

  it('are reported without a word of the message', () => {
    fc.assert(
      fc.property(anyRequests(model), fc.boolean(), (request, half) => {
        const secret = `top secret ${half ? '\ud83d' : ''}`.repeat(half ? 1 : 10_000);
        const problems = issuesOf(model.action, { ...request, message: secret });
        expect(problems.map(({ message }) => message).join()).not.toContain('secret');
      }),
      { numRuns: RUNS / 4 },
    );
  });
});
