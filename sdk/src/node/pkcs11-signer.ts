// Signs with a key that lies in a PKCS#11 token and never leaves it: an HSM, a smart card, a TPM 2.0 by tpm2-pkcs11.
import { createHash } from 'node:crypto'
import { ClavigerError } from '../claviger-error.ts'
import { type PublicKey, readPublicKey, verifySignature } from '../public-key.ts'
import { isRawSignature } from '../signature.ts'
import { type Signer, signerFailed } from '../signer.ts'
import {
  type Attribute,
  CKA,
  CKF,
  CKK_EC,
  CKM_ECDSA,
  CKO,
  CKU_USER,
  type Handle,
  isLost,
  isPinRefused,
  type Pkcs11,
  type Pkcs11Module,
  unlessAlready,
} from './pkcs11-module.ts'

export interface Pkcs11SignerOptions {
  /** What `import('pkcs11js')` gave. */
  readonly pkcs11: Pkcs11Module | { readonly default: Pkcs11Module }
  /** The token's driver, e.g. `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly library: string
  /** Label of the token. */
  readonly token: string
  /** The user PIN, or where to get it each time that a session is opened. */
  readonly pin: string | (() => string | Promise<string>)
  /** Which key of the token: its label, its id in hex, or both. */
  readonly key: { readonly label?: string; readonly id?: string }
  /** Take a key that could be read out of its token as well. */
  readonly allowExtractable?: boolean
}

export interface Pkcs11Signer extends Signer {
  readonly publicKey: string
  /** Closes the session. The driver stays loaded: others in this process may use it. */
  close(): Promise<void>
}

interface Opened {
  readonly session: Handle
  readonly key: Handle
  readonly publicKey: PublicKey
  /** Bytes that a thread of the driver reads or writes: pkcs11js does not keep them from the garbage collector. */
  held: unknown
}

// OBJECT IDENTIFIER 1.2.840.10045.3.1.7 (P-256), as CKA_EC_PARAMS holds it.
const P256 = '06082a8648ce3d030107'

/** Throws `signer_failed`, with the token's code in `cause`, and `key_invalid`. */
export async function pkcs11Signer(options: Pkcs11SignerOptions): Promise<Pkcs11Signer> {
  const { PKCS11 } = 'default' in options.pkcs11 ? options.pkcs11.default : options.pkcs11
  const module = new PKCS11()
  const token = new Token(module, options)
  await token.inTurn(async () => {
    module.load(options.library)
    unlessAlready(() => module.C_Initialize({ flags: CKF.OS_LOCKING_OK }))
    await token.open()
  })
  return {
    publicKey: token.publicKey.pem,
    sign: (bytes) => token.inTurn(() => token.sign(bytes)),
    close: () => token.inTurn(() => token.close()),
  }
}

/** One key of one token, by one session, which does one thing at a time. */
class Token {
  readonly #module: Pkcs11
  readonly #options: Pkcs11SignerOptions
  #opened: Opened | undefined
  /** A PIN that was refused is not tried again, so that the token does not lock itself. */
  #refusal: unknown
  #last: Promise<unknown> = Promise.resolve()

  constructor(module: Pkcs11, options: Pkcs11SignerOptions) {
    this.#module = module
    this.#options = options
  }

  get publicKey(): PublicKey {
    return (this.#opened as Opened).publicKey
  }

  inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const mine = this.#last.then(work).catch(explain)
    this.#last = mine.catch(() => undefined)
    return mine
  }

  async open(): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal
    const before = this.#opened?.publicKey
    const opened = await open(this.#module, this.#options).catch((error: unknown) => {
      if (typeof this.#options.pin === 'string' && isPinRefused(error)) this.#refusal = error
      throw error
    })
    if (before !== undefined && opened.publicKey.thumbprint !== before.thumbprint) {
      throw signerFailed('the token now holds another key')
    }
    this.#opened = opened
  }

  close(): void {
    this.#module.C_CloseSession((this.#opened as Opened).session)
  }

  /** Once more in a new session when this one was lost: the token was away, or the machine asleep. */
  async sign(bytes: Uint8Array): Promise<Uint8Array> {
    const signature = await this.#signOnce(bytes).catch(async (error: unknown) => {
      if (!isLost(error)) throw error
      await this.open()
      return this.#signOnce(bytes)
    })
    const { key } = this.publicKey
    if (isRawSignature(signature) && (await verifySignature(key, bytes, signature))) return signature
    throw signerFailed('the token gave no signature of this key')
  }

  async #signOnce(bytes: Uint8Array): Promise<Uint8Array> {
    const opened = this.#opened as Opened
    const [digest, output] = [createHash('sha256').update(bytes).digest(), Buffer.alloc(128)]
    opened.held = [digest, output]
    try {
      this.#module.C_SignInit(opened.session, { mechanism: CKM_ECDSA }, opened.key)
      return new Uint8Array(await this.#module.C_SignAsync(opened.session, digest, output))
    } finally {
      opened.held = undefined
    }
  }
}

async function open(module: Pkcs11, options: Pkcs11SignerOptions): Promise<Opened> {
  const pin = typeof options.pin === 'string' ? options.pin : await options.pin()
  const slots = module.C_GetSlotList(true).filter((slot) => labelOf(module, slot) === options.token)
  const [slot, another] = slots
  if (slot === undefined || another !== undefined) throw signerFailed(`${slots.length} tokens have this label`)
  const session = module.C_OpenSession(slot, CKF.SERIAL_SESSION)
  try {
    unlessAlready(() => module.C_Login(session, CKU_USER, pin))
    const key = findOne(module, session, CKO.PRIVATE_KEY, options.key)
    if (options.allowExtractable !== true && attributeOf(module, session, key, CKA.EXTRACTABLE)[0] !== 0) {
      throw signerFailed('the key could be read out of its token; make one that cannot, or say allowExtractable')
    }
    return { session, key, publicKey: await readKey(module, session, options.key), held: undefined }
  } catch (error) {
    module.C_CloseSession(session)
    throw error
  }
}

/** Blanks fill it up, or what a driver takes for them. */
function labelOf(module: Pkcs11, slot: Handle): string {
  return module.C_GetTokenInfo(slot).label.replace(/[ \0]+$/, '')
}

/** The public half is an object of its own in the token, under the same label and id. */
async function readKey(module: Pkcs11, session: Handle, name: Pkcs11SignerOptions['key']): Promise<PublicKey> {
  const half = findOne(module, session, CKO.PUBLIC_KEY, name)
  const [curve, wrapped] = [CKA.EC_PARAMS, CKA.EC_POINT].map((type) => attributeOf(module, session, half, type)) as [
    Buffer,
    Buffer,
  ]
  // CKA_EC_POINT is an OCTET STRING around the point; some drivers leave it out.
  const point = wrapped.length === 67 && wrapped.readUInt16BE() === 0x0441 ? wrapped.subarray(2) : wrapped
  if (curve.toString('hex') !== P256 || point.length !== 65 || point[0] !== 4)
    throw signerFailed('the key is not on P-256')
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
  return readPublicKey({ kty: 'EC', crv: 'P-256', x, y })
}

function findOne(module: Pkcs11, session: Handle, kind: number, { label, id }: Pkcs11SignerOptions['key']): Handle {
  const template: Attribute[] = [
    { type: CKA.CLASS, value: kind },
    { type: CKA.KEY_TYPE, value: CKK_EC },
    ...(label === undefined ? [] : [{ type: CKA.LABEL, value: label }]),
    ...(id === undefined ? [] : [{ type: CKA.ID, value: Buffer.from(id, 'hex') }]),
  ]
  module.C_FindObjectsInit(session, template)
  const found = module.C_FindObjects(session, 2)
  module.C_FindObjectsFinal(session)
  const half = kind === CKO.PRIVATE_KEY ? 'private' : 'public'
  if (found.length !== 1) throw signerFailed(`${found.length === 0 ? 'no' : 'more than one'} ${half} key has this name`)
  return found[0] as Handle
}

function attributeOf(module: Pkcs11, session: Handle, object: Handle, type: number): Buffer {
  return module.C_GetAttributeValue(session, object, [{ type }])[0]?.value as Buffer
}

function explain(error: unknown): never {
  if (error instanceof ClavigerError) throw error
  throw signerFailed(error instanceof Error ? error.message : String(error), error)
}
