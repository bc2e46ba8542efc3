import { byId } from './dom.js';
import { text } from './language.js';

const SHOWN = 5;

/**
 * Asks whether a message is to go to real users.
 * @param {import('./recipients.js').Recipients} recipients
 * @param {string} room
 * @returns {Promise<boolean>}
 */
export function confirmSend(recipients, room) {
  const dialog = byId('confirm', HTMLDialogElement);
  byId('confirm-text', HTMLElement).textContent = text('confirmText', {
    recipients: describe(recipients),
    room,
  });
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'send'), { once: true });
  });
}

export function startConfirmDialog() {
  const dialog = byId('confirm', HTMLDialogElement);
  byId('confirm-send', HTMLButtonElement).addEventListener('click', () => dialog.close('send'));
  byId('confirm-cancel', HTMLButtonElement).addEventListener('click', () => dialog.close(''));
}

/** @param {import('./recipients.js').Recipients} recipients */
function describe(recipients) {
  if (recipients.kind === 'simulated') return text('confirmUsers', { count: recipients.users });
  if (recipients.kind === 'everyone') return text('confirmEveryone');
  const { to } = recipients;
  return to.length > SHOWN ? text('confirmUsers', { count: to.length }) : to.join(', ');
}
