/** Where private signing keys are made and found again: in the vault, or in a token that never gives them out. */
import { createPrivateKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { type Es256Signer, keySigner } from '../../crypto/es256-signer.ts'
import { fromKey, type P256PublicKey } from '../../crypto/p256.ts'
import type { Secret } from '../../ground/secret.ts'
import type { SigningKeyRow } from './store.ts'

/** A token that makes P-256 keys and signs with them. What fails there is a Problem. */
export interface Hsm {
  generate(): Promise<{ readonly ref: string; readonly publicKey: P256PublicKey }>
  /** Made without asking the token; its sign() rejects with a Problem where the token or the key is not there. */
  signer(ref: string, publicKey: P256PublicKey): Es256Signer
  /** True once the token said that it has no such key. */
  lacks(ref: string): boolean
  /** Whether it was there or not. */
  destroy(ref: string): Promise<void>
  close(): Promise<void>
}

export interface Places {
  /** Seals under the root key, for this purpose alone. Throws Problem `vault_sealed`. */
  readonly seal: (purpose: string, bytes: Uint8Array) => Buffer
  /** Throws Problem `vault_sealed`, `room_key_damaged`. */
  readonly open: (purpose: string, sealed: Uint8Array) => Secret
  readonly hsm: Hsm | undefined
}

export type MadeKey = Pick<SigningKeyRow, 'id' | 'spki' | 'place' | 'sealed' | 'hsm'>

/** Makes one where keys are wanted. No `kid` begins with `-`: it could not be named on a command line. */
export async function makeKey(places: Places): Promise<MadeKey> {
  for (;;) {
    const made = places.hsm ? await inToken(places.hsm) : await inVault(places)
    if (!made.id.startsWith('-')) return made
    if (made.hsm !== null) await places.hsm?.destroy(made.hsm)
  }
}

async function inToken(hsm: Hsm): Promise<MadeKey> {
  const { ref, publicKey } = await hsm.generate()
  return { id: publicKey.thumbprint, spki: publicKey.spki, place: 'hsm', sealed: null, hsm: ref }
}

async function inVault({ seal }: Places): Promise<MadeKey> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'prime256v1' })
  const { thumbprint: id, spki } = fromKey(privateKey)
  const bytes = privateKey.export({ format: 'der', type: 'pkcs8' })
  try {
    return { id, spki, place: 'vault', sealed: seal(purposeOf(id), bytes), hsm: null }
  } finally {
    bytes.fill(0)
  }
}

/** Undefined where the key is gone, or its place. Throws Problem `vault_sealed`, `room_key_damaged`. */
export function signerOf(
  { open, hsm }: Places,
  { id, sealed, hsm: ref }: SigningKeyRow,
  publicKey: P256PublicKey,
): Es256Signer | undefined {
  if (ref !== null) return hsm?.lacks(ref) === false ? hsm.signer(ref, publicKey) : undefined
  if (sealed === null) return undefined
  const secret = open(purposeOf(id), sealed)
  try {
    const privateKey = createPrivateKey({ key: secret.reveal(), format: 'der', type: 'pkcs8' })
    return fromKey(privateKey).thumbprint === id ? keySigner(id, privateKey) : undefined
  } finally {
    secret.wipe()
  }
}

function purposeOf(kid: string): string {
  return `signing-key/${kid}`
}
