/**
 * Whether a credential of these bytes can stand in the head of a request: printable ASCII and HTAB, and no white space at
 * either end, which HTTP takes away (RFC 9110 §5.5; Node's own check lets Latin-1 pass). One rule for every way to attach
 * a credential, asked when it is stored and again when it is sent: what can be stored can be sent, also after the
 * service took another way.
 */
export function isCredentialText(bytes: Uint8Array): boolean {
  const ends = [bytes[0], bytes.at(-1)]
  if (ends.some((byte) => byte === undefined || byte === 0x20 || byte === 0x09)) return false
  return bytes.every((byte) => byte === 0x09 || (byte >= 0x20 && byte <= 0x7e))
}
