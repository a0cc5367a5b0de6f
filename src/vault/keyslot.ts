/**
 * Keyslots: the root key, wrapped once for each way to open the vault. Any one opens it.
 * GCM does not commit to its key: a ciphertext can be made that opens under many passphrases, so that each attempt to
 * unseal tests them all. Therefore a commitment to the key is compared before the AEAD is asked; the parameters of the
 * KDF are inside it.
 */
import type { KeyObject } from 'node:crypto'
import { z } from 'zod'
import { open, seal } from '../crypto/aead.ts'
import { fromBase64url, toBase64url } from '../crypto/base64url.ts'
import { domain, lp } from '../crypto/framing.ts'
import { hkdfKey } from '../crypto/hkdf.ts'
import { hmac, sameMac } from '../crypto/mac.ts'
import { readPhc } from '../crypto/phc.ts'
import { stretch } from '../crypto/stretch.ts'
import { canonicalJson } from '../ground/canonical-json.ts'
import { newId } from '../ground/ids.ts'
import { SlotType } from './contract.ts'

const Slot = z.strictObject({
  /** base64url, 32 bytes. */
  commit: z.string(),
  created: z.int(),
  /** Epoch of the database when the slot was made. */
  epoch: z.int(),
  id: z.string().regex(/^slot_[0-9A-Za-z]{1,64}$/),
  /** PHC string without hash: how the holder's input becomes the slot's key. */
  kdf: z.string().max(128),
  type: SlotType,
  /** base64url: nonce, the wrapped root key, tag. */
  wrapped: z.string(),
})
export type Slot = z.output<typeof Slot>
export type SlotHead = Omit<Slot, 'commit' | 'wrapped'>

const ROOT_BYTES = 32

/** A new slot. `input` is the passphrase's bytes or the key of a file; neither it nor `root` is zeroed here. */
export async function makeSlot(
  head: Omit<SlotHead, 'id'> & { readonly id?: string },
  input: Uint8Array,
  root: Uint8Array,
  nonce?: Buffer,
): Promise<Slot> {
  const full: SlotHead = { id: newId('slot'), ...head }
  const keys = await slotKeys(full, input)
  if (keys === undefined) throw new RangeError('keyslot: the KDF is outside the limits')
  const commit = commitment(keys.commitKey, full)
  const wrapped = seal(keys.wrapKey, wrapAad(full, commit), root, nonce)
  return { ...full, commit: toBase64url(commit), wrapped: toBase64url(wrapped) }
}

/**
 * The root key, or undefined: another passphrase, another key file, a changed slot, a KDF outside the limits. The AEAD is
 * asked only after the commitment held.
 */
export async function openSlot(slot: Slot, input: Uint8Array): Promise<Buffer | undefined> {
  const keys = await slotKeys(slot, input)
  const commit = fromBase64url(slot.commit)
  const wrapped = fromBase64url(slot.wrapped)
  if (keys === undefined || commit === undefined || wrapped === undefined) return undefined
  if (!sameMac(commit, commitment(keys.commitKey, slot))) return undefined
  const root = open(keys.wrapKey, wrapAad(slot, commit), wrapped)
  return root?.length === ROOT_BYTES ? root : undefined
}

/** The stored form of a slot: canonical JSON. */
export function slotText(slot: Slot): string {
  return canonicalJson(slot)
}

/** Reads a stored slot; undefined unless it is exactly what slotText() writes. */
export function readSlot(text: string): Slot | undefined {
  try {
    const slot = Slot.parse(JSON.parse(text))
    return slotText(slot) === text ? slot : undefined
  } catch {
    return undefined
  }
}

/** `CJ({created, epoch, id, kdf, type})`. */
export function slotHead({ created, epoch, id, kdf, type }: SlotHead): string {
  return canonicalJson({ created, epoch, id, kdf, type })
}

interface SlotKeys {
  readonly wrapKey: KeyObject
  readonly commitKey: KeyObject
}

async function slotKeys(head: SlotHead, input: Uint8Array): Promise<SlotKeys | undefined> {
  const phc = readPhc(head.kdf)
  // a passphrase is always stretched, a random key never: the type says which, and both are under the commitment
  if (phc === undefined || (phc.id === 'hkdf-sha256') !== (head.type === 'file')) return undefined
  const ikm = await stretch(input, phc)
  try {
    const [wrapKey, commitKey] = [domain('slot-wrap'), domain('slot-commit')].map((info) =>
      hkdfKey(ikm, phc.salt, info),
    ) as [KeyObject, KeyObject]
    return { wrapKey, commitKey }
  } finally {
    ikm.fill(0)
  }
}

function commitment(commitKey: KeyObject, head: SlotHead): Buffer {
  return hmac(commitKey, domain('slot-commit'), slotHead(head))
}

function wrapAad(head: SlotHead, commit: Uint8Array): Buffer {
  return Buffer.concat([domain('slot-wrap'), lp(slotHead(head)), lp(commit)])
}
