// The code that proves an address: eight characters that are told apart by eye, typed in any case.

/** Crockford's base32. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LETTERS = 8

/** Of the first 40 bits of a keyed hash: `K7QD-2M9X`. */
export function codeText(hash: Uint8Array): string {
  const letters = Array.from(hash.subarray(0, LETTERS), (byte) => ALPHABET[byte & 31]).join('')
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}

/** As it is compared: without dashes and spaces, O for 0, I and L for 1. */
export function readCode(text: string): string {
  return text.toUpperCase().replaceAll(/[-\s]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
}
