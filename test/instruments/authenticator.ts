import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isoCBOR } from '@simplewebauthn/server/helpers'

/** What a test has an authenticator or its browser do otherwise than they should. */
export interface Twist {
  readonly origin?: string
  readonly rpId?: string
  readonly type?: string
  readonly challenge?: string
  readonly crossOrigin?: unknown
  readonly topOrigin?: string
  /** User present and verified, 0x05, unless said otherwise. */
  readonly flags?: number
  readonly counter?: number
  readonly userHandle?: string
  readonly id?: string
  readonly rawId?: string
  readonly credentialType?: string
  readonly signWith?: KeyObject
  readonly signature?: (good: Buffer) => Buffer
  readonly authenticatorData?: (good: Buffer) => Buffer
  /** Sent in the place of what was signed. */
  readonly sentClientData?: (good: Buffer) => Buffer
  readonly sentAuthenticatorData?: (good: Buffer) => Buffer
}

interface CreationOptions {
  readonly challenge: string
  readonly rp: { readonly id: string }
  readonly user: { readonly id: string }
}

interface RequestOptions {
  readonly challenge: string
  readonly rpId: string
}

const PRESENT_AND_VERIFIED = 0x05
const ATTESTED = 0x40
const SYNCED = 0x18

/** An authenticator with one passkey, made with Node's own keys: P-256 or Ed25519, on this device or synced. */
export class Authenticator {
  readonly credential: Buffer = randomBytes(32)
  readonly algorithm: 'ES256' | 'EdDSA'
  readonly synced: boolean
  readonly keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  counter = 0
  userHandle = ''

  constructor({ algorithm = 'ES256', synced = false }: { algorithm?: 'ES256' | 'EdDSA'; synced?: boolean } = {}) {
    this.algorithm = algorithm
    this.synced = synced
    this.keys =
      algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
  }

  get id(): string {
    return this.credential.toString('base64url')
  }

  /** As `navigator.credentials.create()` would answer at `origin`. */
  create(options: CreationOptions, origin: string, twist: Twist = {}) {
    this.userHandle = options.user.id
    const clientData = this.#clientData('webauthn.create', options.challenge, origin, twist)
    const flags = (twist.flags ?? PRESENT_AND_VERIFIED) | ATTESTED
    const head = this.#authenticatorData(twist.rpId ?? options.rp.id, flags, twist)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(this.credential.length)
    const made = Buffer.concat([head, Buffer.alloc(16), length, this.credential, this.#coseKey()])
    const authData = new Uint8Array(twist.authenticatorData?.(made) ?? made)
    const attestation = new Map<string, unknown>([
      ['fmt', 'none'],
      ['attStmt', new Map()],
      ['authData', authData],
    ])
    const attestationObject = Buffer.from(isoCBOR.encode(attestation as never)).toString('base64url')
    return {
      ...this.#named(twist),
      response: { clientDataJSON: sent(clientData, twist.sentClientData), attestationObject, transports: ['internal'] },
    }
  }

  /** As `navigator.credentials.get()` would answer at `origin`. */
  get(options: RequestOptions, origin: string, twist: Twist = {}) {
    if (!this.synced) this.counter += 1
    const clientData = this.#clientData('webauthn.get', options.challenge, origin, twist)
    const made = this.#authenticatorData(twist.rpId ?? options.rpId, twist.flags ?? PRESENT_AND_VERIFIED, twist)
    const authenticatorData = twist.authenticatorData?.(made) ?? made
    const signed = Buffer.concat([authenticatorData, createHash('sha256').update(clientData).digest()])
    const digest = this.algorithm === 'ES256' ? 'sha256' : null
    const good = sign(digest, signed, twist.signWith ?? this.keys.privateKey)
    const signature = (twist.signature?.(good) ?? good).toString('base64url')
    const userHandle = twist.userHandle ?? this.userHandle
    return {
      ...this.#named(twist),
      response: {
        clientDataJSON: sent(clientData, twist.sentClientData),
        authenticatorData: sent(authenticatorData, twist.sentAuthenticatorData),
        signature,
        userHandle,
      },
    }
  }

  #named({ id = this.id, rawId = id, credentialType = 'public-key' }: Twist) {
    return { id, rawId, type: credentialType, clientExtensionResults: {} }
  }

  #clientData(type: string, challenge: string, origin: string, twist: Twist): Buffer {
    const { crossOrigin = false, topOrigin } = twist
    const said = { type: twist.type ?? type, challenge: twist.challenge ?? challenge, origin: twist.origin ?? origin }
    return Buffer.from(JSON.stringify({ ...said, crossOrigin, ...(topOrigin !== undefined && { topOrigin }) }))
  }

  #authenticatorData(rpId: string, flags: number, { counter = this.counter }: Twist): Buffer {
    const rest = Buffer.alloc(5)
    rest[0] = this.synced ? flags | SYNCED : flags
    rest.writeUInt32BE(counter, 1)
    return Buffer.concat([createHash('sha256').update(rpId).digest(), rest])
  }

  #coseKey(): Buffer {
    const { x = '', y = '' } = this.keys.publicKey.export({ format: 'jwk' })
    const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))
    const members: [number, number | Uint8Array][] =
      this.algorithm === 'ES256'
        ? [
            [1, 2],
            [3, -7],
            [-1, 1],
            [-2, bytes(x)],
            [-3, bytes(y)],
          ]
        : [
            [1, 1],
            [3, -8],
            [-1, 6],
            [-2, bytes(x)],
          ]
    return Buffer.from(isoCBOR.encode(new Map(members) as never))
  }
}

const sent = (made: Buffer, twist?: (good: Buffer) => Buffer) => (twist?.(made) ?? made).toString('base64url')
