import { byId, create, createText } from './dom.js';

/** The oldest beyond these are dropped. */
const KEPT = 100;

/** What the app was told of the room: joins and leaves by the service, raised hands by users. */
export class NewsPanel {
  #log = byId('news', HTMLElement);
  #empty = byId('news-empty', HTMLElement);

  /** Another room has other news. */
  clear() {
    this.#log.replaceChildren(this.#empty);
  }

  /** @param {import('../../classroom/hands.service.js').ClassroomNews} news */
  add(news) {
    this.#empty.remove();
    this.#log.prepend(createEntry(news));
    while (this.#log.childElementCount > KEPT) this.#log.lastElementChild?.remove();
  }
}

/** @param {import('../../classroom/hands.service.js').ClassroomNews} news */
function createEntry(news) {
  const time = create('time', '', new Date(news.at).toLocaleTimeString('en-GB'));
  time.dateTime = news.at;
  const { userId: user } = news;
  const what =
    news.what === 'joined'
      ? createText('span', '', 'newsJoined', { user })
      : news.what === 'left'
        ? createText('span', '', 'newsLeft', { user, reason: news.reason })
        : createText('span', '', 'newsHandRaised', { user, place: news.place });
  const entry = create('p', 'news-entry', time, what);
  entry.dataset['what'] = news.what;
  return entry;
}
