/** From what lies in the database and what a person or a file presents, to keys; or why not. */
import { fromBase64url, toBase64url } from '../crypto/base64url.ts'
import { ed25519FromSeed } from '../crypto/ed25519.ts'
import { sameMac } from '../crypto/mac.ts'
import { type Opener, type VaultKeys, vaultProblem } from './contract.ts'
import { readKeyFile } from './key-file.ts'
import { Keyring } from './keyring.ts'
import { openSlot, readSlot, type Slot, slotText } from './keyslot.ts'
import { passphraseBytes } from './passphrase.ts'
import type { StoredVault } from './store.ts'
import { readSettings, type Settings, settingsText } from './vault-settings.ts'

/** An open vault. Held by Sealing alone. */
export interface Unlocked {
  readonly keyring: Keyring
  readonly settings: Settings
  readonly slots: readonly Slot[]
  readonly keys: VaultKeys
}

/** Each slot costs one attempt of the KDF; more of them than a person makes are not ours. */
export const MAX_SLOTS = 8
const LOG_KEY = 'log-key'

/**
 * Throws Problem `unseal_failed` if no slot opens, `vault_integrity_failed` if one does and slots or settings are not
 * those that were written, `key_file_missing` or `key_file_unsafe`.
 */
export async function unlock(stored: StoredVault, opener: Opener): Promise<Unlocked> {
  const settings = readSettings(stored.settings)
  const installId = fromBase64url(settings?.installId ?? '')
  const slots = readSlots(stored)
  if (settings === undefined || installId === undefined || slots === undefined) {
    throw vaultProblem('vault_integrity_failed')
  }
  const root = await openAny(slots, opener)
  if (root === undefined) throw vaultProblem('unseal_failed')
  const keyring = new Keyring(root, installId)
  verify(keyring, stored, settings, slots)
  return unlockedWith(keyring, settings, slots)
}

/** The slots, if all of them are of our making and not too many. */
function readSlots(stored: StoredVault): Slot[] | undefined {
  if (stored.slots.length > MAX_SLOTS) return undefined
  const slots: Slot[] = []
  for (const { id, slot: text } of stored.slots) {
    const slot = readSlot(text)
    if (slot === undefined || slot.id !== id) return undefined
    slots.push(slot)
  }
  return slots
}

async function openAny(slots: readonly Slot[], opener: Opener): Promise<Buffer | undefined> {
  const type = 'keyFile' in opener ? 'file' : 'passphrase'
  const input = 'keyFile' in opener ? (await readKeyFile(opener.keyFile)).reveal() : passphraseBytes(opener.passphrase)
  if (input === undefined) return undefined
  try {
    for (const slot of slots) {
      const root = slot.type === type ? await openSlot(slot, input) : undefined
      if (root) return root
    }
    return undefined
  } finally {
    input.fill(0)
  }
}

/** Throws Problem `vault_integrity_failed` unless both MACs hold. */
export function verify(keyring: Keyring, stored: StoredVault, settings: Settings, slots: readonly Slot[]): void {
  const held =
    sameMac(stored.slotsMac, keyring.slotsMac(slots)) && sameMac(stored.settingsMac, keyring.settingsMac(settings))
  if (!held) throw vaultProblem('vault_integrity_failed')
}

/** The keys that hang on the root key. Throws Problem `vault_integrity_failed` if the log's key does not unwrap. */
export function unlockedWith(keyring: Keyring, settings: Settings, slots: readonly Slot[]): Unlocked {
  const seed = keyring.unwrap(LOG_KEY, fromBase64url(settings.logKey) ?? Buffer.alloc(0))
  if (seed?.length !== 32) throw vaultProblem('vault_integrity_failed')
  const numbered = (label: 'token-pepper' | 'audit-tail' | 'audit-redact', version: number) => ({
    version,
    key: keyring.derive(label, version),
  })
  const keys: VaultKeys = {
    installId: keyring.installId,
    tokenPepper: numbered('token-pepper', settings.tokenPepper),
    auditTail: numbered('audit-tail', settings.auditTail),
    auditRedact: numbered('audit-redact', settings.auditRedact),
    rowMac: keyring.derive('row-mac'),
    logKey: ed25519FromSeed(seed),
  }
  seed.fill(0)
  return { keyring, settings, slots, keys }
}

/** Settings of a new vault. Zeroes `logSeed`. */
export function newSettings(keyring: Keyring, logSeed: Buffer): Settings {
  const logKey = toBase64url(keyring.wrap(LOG_KEY, logSeed))
  logSeed.fill(0)
  const installId = toBase64url(keyring.installId)
  return { v: 1, installId, kek: { primary: 1, alive: [1] }, tokenPepper: 1, auditTail: 1, auditRedact: 1, logKey }
}

/** What is written: settings and slots with the MACs that bind them to the root key. */
export function storedForm(keyring: Keyring, settings: Settings, slots: readonly Slot[]): StoredVault {
  return {
    settings: settingsText(settings),
    settingsMac: keyring.settingsMac(settings),
    slotsMac: keyring.slotsMac(slots),
    slots: slots.map((slot) => ({ id: slot.id, slot: slotText(slot) })),
  }
}

/** Settings and slots as they lie there now, verified: inside the transaction that is going to change them. */
export function believed(keyring: Keyring, stored: StoredVault): { settings: Settings; slots: Slot[] } {
  const settings = readSettings(stored.settings)
  const slots = readSlots(stored)
  if (settings === undefined || slots === undefined) throw vaultProblem('vault_integrity_failed')
  verify(keyring, stored, settings, slots)
  return { settings, slots }
}
