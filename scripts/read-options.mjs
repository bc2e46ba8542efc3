import { parseArgs } from 'node:util';

/** An option without a value: whether it is given. */
export const flag = { type: 'boolean' };

/**
 * An option whose value is a number.
 * @param {{ min?: number, max?: number, default?: number }} rule undefined, if it is left out and has no default
 */
export function wholeNumber({ min = 0, max = 999_999_999, default: fallback }) {
  return value(`must be a whole number from ${min} to ${max}`, fallback, (text) => {
    const number = Number(text);
    return /^\d{1,15}$/.test(text) && number >= min && number <= max ? number : undefined;
  });
}

/** An option whose value is one of a few words; undefined, if it is left out and has no default. */
export function oneOf(words, fallback) {
  return value(`must be one of ${words.join(', ')}`, fallback, (text) =>
    words.includes(text) ? text : undefined,
  );
}

/** An option whose value is a list of what looks as it should. */
export function list(pattern, rule, fallback) {
  return value(rule, fallback, (text) => {
    const items = text.split(',');
    return items.every((item) => pattern.test(item)) ? items : undefined;
  });
}

function value(rule, fallback, read) {
  return { type: 'string', rule, fallback, read };
}

/**
 * The options that a script was given, by name. With `--help`, or when anything is wrong with them, it prints what
 * there is to say and ends the process.
 * @param help what `--help` prints
 * @param rules by name, without `--help`
 */
export function readOptions(help, rules) {
  const { values, problems } = parseOptions(process.argv.slice(2), { ...rules, help: flag });
  const { help: isHelpWanted, ...options } = values;
  if (isHelpWanted) {
    process.stdout.write(help);
    process.exit();
  }
  if (problems.length > 0) {
    process.stderr.write(`${problems.join('\n')}\n\n${help}`);
    process.exit(2);
  }
  return options;
}

function parseOptions(args, rules) {
  let given;
  try {
    given = parseArgs({ args, options: rules }).values;
  } catch (error) {
    if (!String(error.code).startsWith('ERR_PARSE_ARGS_')) throw error;
    return { values: {}, problems: [error.message] };
  }
  const problems = [];
  const values = {};
  for (const [name, { rule, fallback, read }] of Object.entries(rules)) {
    const text = given[name];
    if (read === undefined) values[name] = text ?? false;
    else if (text === undefined) values[name] = fallback;
    else {
      values[name] = read(text);
      if (values[name] === undefined) problems.push(`--${name} ${rule}, got ${JSON.stringify(text)}`);
    }
  }
  return { values, problems };
}
