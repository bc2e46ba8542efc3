/**
 * Private data of an exported class. A private field would keep plain mocks from fitting the class's type, and a
 * property would be printed.
 */
export class HiddenParts<Parts extends object> {
  readonly #parts = new WeakMap<object, Parts>();

  set(owner: object, parts: Parts): void {
    this.#parts.set(owner, parts);
  }

  of(owner: object): Parts {
    const parts = this.#parts.get(owner);
    if (parts === undefined) throw new TypeError('The method was called on something other than its object');
    return parts;
  }
}
