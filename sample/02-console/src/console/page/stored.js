/** What is remembered for the next visit. */
export const remembered = storage(() => localStorage);
/** What is remembered for as long as the tab is open. */
export const rememberedInTab = storage(() => sessionStorage);

/**
 * A browser's storage, or, where that refuses (it throws where cookies are blocked), the page's own memory until it is
 * left.
 * @param {() => Storage} open
 */
function storage(open) {
  /** @type {Map<string, string>} */
  const memory = new Map();
  return {
    /** @param {string} name */
    get(name) {
      try {
        return memory.get(name) ?? open().getItem(name);
      } catch {
        return null;
      }
    },
    /**
     * @param {string} name
     * @param {string} value
     */
    set(name, value) {
      try {
        open().setItem(name, value);
        memory.delete(name);
      } catch {
        memory.set(name, value);
      }
    },
    /** @param {string} name */
    remove(name) {
      memory.delete(name);
      try {
        open().removeItem(name);
      } catch {
        // Then there is nothing in it.
      }
    },
  };
}
