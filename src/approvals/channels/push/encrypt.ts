/**
 * Encrypts one message for one browser, so that the service between can read nothing of it (RFC 8291, in one record of
 * RFC 8188). The primitives are Node's; how they are put together is tried against the vector of RFC 8291 §5 and against
 * an implementation that is not ours.
 */
import { createCipheriv, createECDH, type ECDH, randomBytes } from 'node:crypto'
import { hkdf } from '../../../crypto/hkdf.ts'

/** What a browser gave with its subscription. */
export interface Recipient {
  /** Its public key, an uncompressed point of P-256: 65 bytes. */
  readonly p256dh: Buffer
  /** 16 bytes that it shares with us. */
  readonly auth: Buffer
}

/** What is made anew for each message. Given by tests alone. */
interface Made {
  readonly own: ECDH
  /** 16 bytes. */
  readonly salt: Buffer
}

const RECORD_SIZE = 4_096
const TAG_BYTES = 16
/** Marks the last record (RFC 8188 §2); zeros may follow. */
const END = 2

/** `length`: bytes that the message is filled up to, so that its length says nothing. Throws where `p256dh` is on no curve. */
export function encryptPush(text: Buffer, to: Recipient, length = text.length, made: Made = fresh()): Buffer {
  const { own, salt } = made
  const ownPublic = own.getPublicKey()
  const shared = own.computeSecret(to.p256dh)
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), to.p256dh, ownPublic])
  const ikm = hkdf(shared, to.auth, info)
  const key = hkdf(ikm, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16)
  const nonce = hkdf(ikm, salt, Buffer.from('Content-Encoding: nonce\0'), 12)
  const padding = Buffer.alloc(Math.max(0, length - text.length))
  const cipher = createCipheriv('aes-128-gcm', key, nonce, { authTagLength: TAG_BYTES })
  const record = [cipher.update(text), cipher.update(Buffer.from([END])), cipher.update(padding), cipher.final()]
  for (const secret of [shared, ikm, key]) secret.fill(0)
  return Buffer.concat([header(salt, ownPublic), ...record, cipher.getAuthTag()])
}

/** RFC 8188 §2.1, with our public key as its key id (RFC 8291 §4). */
function header(salt: Buffer, ownPublic: Buffer): Buffer {
  const sizes = Buffer.alloc(5)
  sizes.writeUInt32BE(RECORD_SIZE)
  sizes.writeUInt8(ownPublic.length, 4)
  return Buffer.concat([salt, sizes, ownPublic])
}

function fresh(): Made {
  const own = createECDH('prime256v1')
  own.generateKeys()
  return { own, salt: randomBytes(16) }
}
