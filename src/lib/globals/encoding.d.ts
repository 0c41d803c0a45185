/** The WHATWG Encoding Standard's two classes, as far as the core layers use them: every host has them. */
declare class TextEncoder {
  /** UTF-8 */
  encode(text?: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(label?: string, options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean });
  /** @throws TypeError on malformed input when the decoder is `fatal` */
  decode(bytes?: ArrayBufferView | ArrayBuffer, options?: { readonly stream?: boolean }): string;
}
