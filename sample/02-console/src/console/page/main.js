import { accessKey, forgetAccessKey, readFragment, setAccessKey } from './access-key.js';
import { Composer } from './composer.js';
import { startConfirmDialog } from './confirm-dialog.js';
import { byId } from './dom.js';
import { FaultPanel } from './fault-panel.js';
import { setText, startLanguage, switchLanguage } from './language.js';
import { LiveConnection } from './live-connection.js';
import { NewsPanel } from './news-panel.js';
import { OutcomePanel } from './outcome-panel.js';
import { RateChart } from './rate-chart.js';
import { RoomPanel } from './room-panel.js';
import { startTheme } from './theme.js';

const signIn = byId('sign-in', HTMLElement);
const panels = byId('panels', HTMLElement);
const target = byId('target', HTMLElement);
const lost = byId('connection-lost', HTMLElement);
let isReal = true;

const connection = new LiveConnection({
  onEvent: handle,
  onLost() {
    setTarget(undefined);
    lost.hidden = panels.hidden;
    outcome.fanOut.lose();
  },
  onWrongKey() {
    forgetAccessKey();
    askForKey(true);
  },
});
const outcome = new OutcomePanel(
  () => connection.send({ type: 'cancel' }),
  (messageId) => connection.send({ type: 'receipts', messageId }),
);
const faults = new FaultPanel(() => composer.absent.refresh());
const chart = new RateChart();
const news = new NewsPanel();
const room = new RoomPanel(connection, {
  onChange: () => composer.recipients.setRoom(room.roomId, room.users),
  onMove: () => news.clear(),
});
const composer = new Composer(connection, outcome, () => ({
  roomId: room.roomId,
  isReal,
  isFaulty: faults.isOn,
}));

startLanguage();
startTheme(byId('theme', HTMLButtonElement));
startConfirmDialog();
byId('language', HTMLButtonElement).addEventListener('click', switchLanguage);
byId('sign-in-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const { value } = byId('key', HTMLInputElement);
  setAccessKey(value);
  connection.open(value);
});
room.prepare(readFragment());
const key = accessKey();
if (key === null) askForKey(false);
else connection.open(key);

/** @param {import('./live-connection.js').LiveEvent} event */
function handle(event) {
  switch (event.type) {
    case 'ready':
      start(event);
      break;
    case 'target':
      follow(event.target);
      break;
    case 'rate':
      chart.update(event.points);
      break;
    case 'fault':
      faults.update(event.state);
      break;
    case 'progress':
      outcome.fanOut.update(event.progress);
      break;
    case 'receipts':
      outcome.receipts.update(event);
      break;
    case 'news':
      news.add(event.news);
      break;
    case 'fan_out_ended':
      outcome.fanOut.end(event);
      break;
    default:
      room.handle(event);
  }
}

/** @param {Extract<import('./live-connection.js').LiveEvent, { type: 'ready' }>} event */
function start({ target: kind, quota, maxSimulated, issuesTokens }) {
  signIn.hidden = true;
  panels.hidden = false;
  lost.hidden = true;
  chart.setQuota(quota);
  composer.recipients.setLimits({ quota, maxSimulated });
  setText(byId('join-token', HTMLElement), issuesTokens ? 'joinToken' : 'joinNoToken');
  follow(kind);
  outcome.receipts.refresh();
}

/** @param {'emulator' | 'real'} kind */
function follow(kind) {
  isReal = kind === 'real';
  byId('real-banner', HTMLElement).hidden = !isReal;
  setTarget(kind);
  faults.offer(!isReal);
  composer.recipients.setEmulator(!isReal);
  room.enter(!isReal);
  // What was named before is asked of what messages go to now.
  composer.absent.refresh();
}

/** @param {boolean} wasWrong */
function askForKey(wasWrong) {
  setTarget(undefined);
  panels.hidden = true;
  lost.hidden = true;
  signIn.hidden = false;
  byId('sign-in-problem', HTMLElement).hidden = !wasWrong;
  const field = byId('key', HTMLInputElement);
  field.value = '';
  field.focus();
}

/** @param {'emulator' | 'real' | undefined} kind */
function setTarget(kind) {
  target.dataset['target'] = kind ?? 'none';
  setText(target, kind === 'emulator' ? 'targetEmulator' : kind === 'real' ? 'targetReal' : 'targetNone');
}
