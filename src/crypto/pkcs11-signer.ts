/**
 * P-256 keys that live in a PKCS#11 token (an HSM, a TPM, SoftHSM2) and never leave it: made there, sensitive and not
 * extractable, found again by CKA_ID under one label. What comes out are public keys and signatures.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Attribute, Handle } from 'pkcs11js'
import type { Secret } from '../ground/secret.ts'
import type { Es256Signer } from './es256-signer.ts'
import { type P256PublicKey, publicKeyFromPoint, verifyP256 } from './p256.ts'
import { hsmProblem, type Library, openLibrary } from './pkcs11-library.ts'
import { type Session, Sessions } from './pkcs11-sessions.ts'

export interface Pkcs11Options {
  /** Path of the vendor's shared library. */
  readonly module: string
  /** Label of the token. */
  readonly token: string
  /** Label of the keys in it. */
  readonly key: string
  /** The user's PIN; asked at each login, wiped after it. */
  readonly pin: () => Promise<Secret>
  /** How long one call may take; 10 s unless said otherwise. */
  readonly patienceMs?: number
}

export interface TokenKey {
  /** Name of the key in the token: its CKA_ID, in hex. */
  readonly ref: string
  readonly publicKey: P256PublicKey
}

/** RFC 5480: the object identifier of P-256. */
const P256 = Buffer.from('06082a8648ce3d030107', 'hex')
/** CKS_RW_USER_FUNCTIONS: a session in which the user is logged in. */
const RW_USER_FUNCTIONS = 3
const PATIENCE_MS = 10_000

/** Loads the module; the token is asked with the first call. Throws Problem `hsm_driver_missing`, `hsm_module_unusable`. */
export async function openPkcs11(options: Pkcs11Options): Promise<Pkcs11Token> {
  return new Pkcs11Token(await openLibrary(options.module), options)
}

export class Pkcs11Token {
  readonly #library: Library
  readonly #sessions: Sessions
  readonly #label: string
  readonly #lacking = new Set<string>()

  constructor(library: Library, { token, key, pin, patienceMs = PATIENCE_MS }: Pkcs11Options) {
    this.#library = library
    this.#label = key
    this.#sessions = new Sessions({ library, token, pin, patienceMs })
  }

  /** Makes a key pair in the token. Throws Problem `hsm_key_unsafe` if the private half could leave it, and as sign(). */
  generate(): Promise<TokenKey> {
    const id = randomBytes(16)
    return this.#sessions.use((session) => this.#generate(session, id))
  }

  /**
   * Signs with the key of this name. Its sign() rejects with Problem `hsm_key_missing` where the token has no such key or
   * another one under its name, `hsm_unavailable`, `hsm_busy`, `hsm_token_missing`, `hsm_pin_refused`.
   */
  signer(ref: string, publicKey: P256PublicKey): Es256Signer {
    return {
      kid: publicKey.thumbprint,
      sign: (data) => this.#sessions.use((session) => this.#sign(session, ref, publicKey, data)),
    }
  }

  /** Whether the token said that it has no such key. */
  lacks(ref: string): boolean {
    return this.#lacking.has(ref)
  }

  /** Removes both halves from the token; it is no error if they are not there. */
  destroy(ref: string): Promise<void> {
    return this.#sessions.use(async (session) => {
      for (const object of this.#find(session, { id: ref }))
        this.#library.module.C_DestroyObject(session.handle, object)
      session.connection.keys.delete(ref)
    })
  }

  close(): Promise<void> {
    return this.#sessions.close()
  }

  async #generate(session: Session, id: Buffer): Promise<TokenKey> {
    const { module, constants: c } = this.#library
    const named = [
      { type: c.CKA_TOKEN, value: true },
      { type: c.CKA_ID, value: id },
      { type: c.CKA_LABEL, value: this.#label },
    ]
    const ours = [...named, { type: c.CKA_VERIFY, value: true }, { type: c.CKA_EC_PARAMS, value: P256 }]
    const theirs = [
      ...named,
      { type: c.CKA_PRIVATE, value: true },
      { type: c.CKA_SENSITIVE, value: true },
      { type: c.CKA_EXTRACTABLE, value: false },
      { type: c.CKA_SIGN, value: true },
    ]
    session.held = [ours, theirs]
    const pair = await module.C_GenerateKeyPairAsync(session.handle, { mechanism: c.CKM_EC_KEY_PAIR_GEN }, ours, theirs)
    if (!this.#staysInside(session, pair.privateKey)) {
      for (const half of [pair.privateKey, pair.publicKey]) module.C_DestroyObject(session.handle, half)
      throw hsmProblem('hsm_key_unsafe')
    }
    const [point] = module.C_GetAttributeValue(session.handle, pair.publicKey, [{ type: c.CKA_EC_POINT }])
    return { ref: id.toString('hex'), publicKey: readPoint(point) }
  }

  /** Sensitive and not extractable now, and from its making on. */
  #staysInside(session: Session, key: Handle): boolean {
    const { module, constants: c } = this.#library
    const wanted: readonly (readonly [type: number, value: number])[] = [
      [c.CKA_SENSITIVE, 1],
      [c.CKA_EXTRACTABLE, 0],
      [c.CKA_ALWAYS_SENSITIVE, 1],
      [c.CKA_NEVER_EXTRACTABLE, 1],
    ]
    const template = wanted.map(([type]) => ({ type }))
    const found = module.C_GetAttributeValue(session.handle, key, template)
    return wanted.every(([, value], at) => (found[at]?.value as Buffer | undefined)?.[0] === value)
  }

  async #sign(session: Session, ref: string, publicKey: P256PublicKey, data: Uint8Array): Promise<Buffer> {
    const { module, constants } = this.#library
    const { keys } = session.connection
    const known = keys.get(ref)
    const key = known ?? this.#findPrivate(session, ref)
    const held = { digest: createHash('sha256').update(data).digest(), signature: Buffer.alloc(128) }
    session.held = held
    module.C_SignInit(session.handle, { mechanism: constants.CKM_ECDSA }, key)
    const signature = Buffer.from(await module.C_SignAsync(session.handle, held.digest, held.signature))
    // Once for each connection: this is the key that tokens will be verified with, and not another of that name.
    if (known === undefined && !verifyP256(publicKey.key, data, signature)) throw this.#missing(ref)
    keys.set(ref, key)
    return signature
  }

  #findPrivate(session: Session, ref: string): Handle {
    const { module, constants: c } = this.#library
    const [key] = this.#find(session, { id: ref, kind: c.CKO_PRIVATE_KEY })
    if (key) return key
    // A session that lost its login sees no private keys, which does not mean that there are none.
    const { state } = module.C_GetSessionInfo(session.handle)
    if (state !== RW_USER_FUNCTIONS) throw new Error('CKR_USER_NOT_LOGGED_IN')
    throw this.#missing(ref)
  }

  #find({ handle }: Session, { id, kind }: { readonly id: string; readonly kind?: number }): Handle[] {
    const { module, constants: c } = this.#library
    const template = [
      { type: c.CKA_ID, value: Buffer.from(id, 'hex') },
      { type: c.CKA_LABEL, value: this.#label },
      ...(kind === undefined ? [] : [{ type: c.CKA_CLASS, value: kind }]),
    ]
    module.C_FindObjectsInit(handle, template)
    try {
      return module.C_FindObjects(handle, 8)
    } finally {
      module.C_FindObjectsFinal(handle)
    }
  }

  #missing(ref: string) {
    this.#lacking.add(ref)
    return hsmProblem('hsm_key_missing', { facts: { key: ref } })
  }
}

/** CKA_EC_POINT is an OCTET STRING around the point; some tokens leave the wrapping out. */
function readPoint(attribute: Attribute | undefined): P256PublicKey {
  const value = attribute?.value
  const bytes = Buffer.isBuffer(value) ? value : Buffer.alloc(0)
  const point = bytes.length === 67 && bytes[0] === 0x04 && bytes[1] === 0x41 ? bytes.subarray(2) : bytes
  if (point.length !== 65 || point[0] !== 0x04) {
    throw hsmProblem('hsm_module_unusable', { detail: 'The token gives no public key that can be read.' })
  }
  return publicKeyFromPoint(point)
}
