/** How much is kept, in characters. */
const MOST = 1 << 20;
/** ECMA-48 control sequences: colours, the cursor. Nothing here has a cursor to move. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they begin with the escape character
const CONTROL_SEQUENCE = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])/g;
/** The start of one whose end has not come yet. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const UNFINISHED = /\x1b(?:\[[0-?]*[ -/]*)?$/;

/** What a console that only scrolls shows: lines, with carriage returns and backspaces obeyed in the last one. */
export class ConsoleText {
  #done = '';
  #line = '';
  #column = 0;
  #pending = '';

  get text(): string {
    return this.#done + this.#line;
  }

  write(piece: string): void {
    const all = this.#pending + piece;
    this.#pending = UNFINISHED.exec(all)?.[0] ?? '';
    const whole = all.slice(0, all.length - this.#pending.length);
    for (const character of whole.replaceAll(CONTROL_SEQUENCE, '')) this.#put(character);
    if (this.#done.length > MOST) this.#done = this.#done.slice(-MOST / 2);
  }

  #put(character: string): void {
    switch (character) {
      case '\n':
        this.#done += `${this.#line}\n`;
        this.#line = '';
        this.#column = 0;
        break;
      case '\r':
        this.#column = 0;
        break;
      case '\b':
        this.#column = Math.max(0, this.#column - 1);
        break;
      default:
        if (character < ' ') break;
        this.#line = this.#line.slice(0, this.#column) + character + this.#line.slice(this.#column + 1);
        this.#column++;
    }
  }
}
