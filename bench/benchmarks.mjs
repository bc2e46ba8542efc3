// All benchmarks but that of pacing, as tables, and each target with what was measured. Its first argument is a
// JSON text: the options of `npm run bench`.
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { measureCalls, measureFanOut, withCallers } from './calls.mjs';
import { measureSigning } from './signing.mjs';
import { measureImports, measureInstalledSize } from './startup.mjs';
import { megabytes, percent, rounded, table, times } from './tables.mjs';
import { judgeTargets } from './targets.mjs';

const PAGE = 'docs/benchmarks.md';
const READMES = ['README.md', 'README_zh-CN.md'];
/** In their tables, from left to right. */
const OTHERS = ['@volcengine/sdk-core', '@volcengine/openapi', 'Axios + agent + signing'];
const LIBRARY = 'this library';
const RAW = 'raw node:http';

const options = JSON.parse(process.argv[2]);
const rounds = options.quick ? 3 : 7;
const scale = options.quick ? 0.4 : 1;
const started = performance.now();
const sections = [];

function show(title, text) {
  sections.push(`### ${title}\n\n${text}`);
  console.log(`\n${title}\n\n${text}`);
}

let signing;
if (isAsked('signing')) {
  signing = new Map();
  for (const bytes of [210, 5_000, 99_000]) {
    signing.set(bytes, await measureSigning({ bytes, rounds, roundMs: 120 * scale }));
  }
  showSigning();
}

let calls;
let fanOut;
if (isAsked('calls') || isAsked('fan-out')) {
  await withCallers(16_000 * scale, async (subjects) => {
    if (isAsked('calls')) await showAllCalls(subjects);
    if (!isAsked('fan-out')) return;
    fanOut = await measureFanOut(subjects, { recipients: 600 * 500 * scale, inFlight: 16, rounds: 5 });
    showFanOut();
  });
}

let imports;
if (isAsked('imports')) {
  imports = await measureImports({ rounds });
  showStartup();
}

const targets = judgeTargets({ signing, calls, fanOut, imports });
show(
  'Targets',
  table(
    ['', 'target', 'measured', '', 'what would be best'],
    targets.map(({ what, aim, measured, holds, best }) => [
      what,
      aim,
      measured,
      holds ? 'met' : 'missed',
      best,
    ]),
  ),
);
const machine = describeMachine();
console.log(`\n${machine} It took ${Math.round((performance.now() - started) / 1_000)} s.`);
if (options.write && options.only === undefined) {
  writePage();
  writeRatios();
  console.log(`The results are in ${[PAGE, ...READMES].join(', ')}.`);
}
if (targets.some(({ holds }) => !holds)) process.exitCode = 1;

function isAsked(section) {
  return options.only === undefined || options.only === section;
}

async function showAllCalls(subjects) {
  calls = new Map();
  for (const bytes of [5_000, 99_000]) {
    for (const inFlight of [1, 16, 64]) {
      const count = (bytes > 50_000 ? 800 : 2_400) * (inFlight === 1 ? 0.5 : 1) * scale;
      const result = await measureCalls(subjects, { bytes, inFlight, calls: Math.ceil(count), rounds });
      calls.set(`${bytes}/${inFlight}`, result);
      showCalls(bytes, inFlight, result);
    }
  }
}

function showSigning() {
  const names = [...signing.get(210).keys()];
  const rows = names.map((name) => [
    name,
    ...[...signing.values()].map((of) => {
      const { us, spread } = of.get(name);
      return `${times(us / of.get('floor').us)} (${rounded(us)} µs ± ${percent(spread)})`;
    }),
  ]);
  show('Signing a request', table(['of the floor (CPU)', '210 B', '5 KB', '99 KB'], rows));
}

function showCalls(bytes, inFlight, result) {
  const raw = result.get(RAW);
  const rows = [...result].map(([name, { cpuUs, perSecond, p50, p99, spread }]) => [
    name,
    times(cpuUs / raw.cpuUs),
    `${rounded(cpuUs)} µs ± ${percent(spread)}`,
    times(perSecond / raw.perSecond),
    rounded(perSecond),
    `${rounded(p50)} ms`,
    `${rounded(p99)} ms`,
  ]);
  show(
    `One call: ${bytes / 1_000} KB, ${inFlight} in flight`,
    table(['', 'client CPU of raw', 'CPU a call', 'throughput of raw', 'calls a second', 'p50', 'p99'], rows),
  );
}

function showFanOut() {
  const raw = fanOut.get(RAW);
  const rows = [...fanOut].map(([name, { cpuUs, perSecond, spread, first }]) => [
    name === LIBRARY ? 'fanOut() of this library' : `chunks by hand, ${name}`,
    times(cpuUs / raw.cpuUs),
    `${rounded(cpuUs)} µs ± ${percent(spread)}`,
    times(perSecond / raw.perSecond),
    rounded(perSecond),
    times(first.cpuUs / raw.first.cpuUs),
  ]);
  show(
    'Fan-out: 600 users a request, 16 requests in flight, no quota',
    table(
      [
        '',
        'client CPU of raw',
        'CPU a request',
        'throughput of raw',
        'users a second',
        'client CPU of raw, the first million',
      ],
      rows,
    ),
  );
}

function showStartup() {
  const first = imports.get('nestjs-rtc-messaging');
  const importRows = [...imports].map(([name, { ms, bytes, spread }]) => [
    name,
    times(ms / first.ms),
    `${rounded(ms)} ms ± ${percent(spread)}`,
    megabytes(bytes),
  ]);
  show(
    'Importing it, on top of a Nest app',
    table(['', 'time of the first', 'time', 'memory that stays'], importRows),
  );
  const sizes = measureInstalledSize();
  const sizeRows = [...sizes].map(([name, { own, all, packages }]) => [
    name,
    times(all / sizes.get('nestjs-rtc-messaging').all),
    megabytes(all),
    megabytes(own),
    `${packages}`,
  ]);
  show(
    'Installed size',
    table(['', 'of the first', 'with all that it brings', 'itself', 'packages that it brings'], sizeRows),
  );
}

function describeMachine() {
  const [load = 0] = loadavg();
  return (
    `Measured with Node ${process.versions.node} on ${process.platform} ${process.arch}, ${availableParallelism()} cores; ` +
    `load average at the end ${load.toFixed(1)}.`
  );
}

/** Between the page's markers, whatever stood there. */
function writePage() {
  const [begin, end] = ['<!-- results -->', '<!-- end of results -->'];
  const page = readFileSync(PAGE, 'utf8');
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`${PAGE} has no markers for the results`);
  const results = [machine, ...sections.toSorted((a, b) => Number(isTargets(b)) - Number(isTargets(a)))].join(
    '\n\n',
  );
  // In columns they are for the terminal: the page is kept short.
  const compact = results.replaceAll(/-{4,}(?= \|)/g, '---').replaceAll(/ {2,}\|/g, ' |');
  writeFileSync(PAGE, `${page.slice(0, from)}${begin}\n\n${compact}\n\n${page.slice(to)}`);
}

/** The CPU of a call in the table of each README, whatever stood there. */
function writeRatios() {
  const ratios = OTHERS.map((name) => `${(shownCpuOf(name) / shownCpuOf(LIBRARY)).toFixed(1)} ×`);
  for (const path of READMES) {
    const readme = readFileSync(path, 'utf8');
    const row = /(?<=\(docs\/benchmarks\.md\)[^|]*\| 1 × \| ).*(?= \|)/;
    if (!row.test(readme)) throw new Error(`${path} has no row for the CPU of a call`);
    writeFileSync(path, readme.replace(row, ratios.join(' | ')));
  }
}

/** As the page shows it, in microseconds. */
function shownCpuOf(name) {
  return Number(rounded(calls.get('5000/16').get(name).cpuUs).replaceAll(',', ''));
}

function isTargets(section) {
  return section.startsWith('### Targets');
}
