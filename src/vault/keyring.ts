/**
 * The root key while the vault is unsealed, and everything that hangs on it. It never leaves this object, but for
 * `withRoot`, which wraps it into a new slot. Sealing drops the object and with it every key.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { open, seal } from '../crypto/aead.ts'
import { domain, lp } from '../crypto/framing.ts'
import { deriveKey, type KeyLabel } from '../crypto/hkdf.ts'
import { hmac } from '../crypto/mac.ts'
import { canonicalJson } from '../ground/canonical-json.ts'
import type { Kek } from './envelope.ts'
import type { Slot } from './keyslot.ts'
import { type Settings, settingsText } from './vault-settings.ts'

export class Keyring {
  readonly installId: Buffer
  readonly #root: KeyObject
  readonly #wrapKey: KeyObject
  readonly #keks = new Map<number, Kek>()

  /** Takes the 32 bytes of the root key and zeroes them. */
  constructor(root: Buffer, installId: Buffer) {
    this.installId = installId
    this.#root = createSecretKey(root)
    root.fill(0)
    this.#wrapKey = this.derive('root-wrap')
  }

  /** The key of a purpose in its N-th generation. */
  derive(label: KeyLabel, number = 1): KeyObject {
    return deriveKey(this.#root, this.installId, label, number)
  }

  /** One generation of the key-encryption key. */
  kek(number: number): Kek {
    const known = this.#keks.get(number)
    if (known) return known
    const kek = { number, key: this.derive('kek', number) }
    this.#keks.set(number, kek)
    return kek
  }

  /** Seals a key that is random, not derived, such as the log's signing key. */
  wrap(purpose: string, bytes: Uint8Array): Buffer {
    return seal(this.#wrapKey, this.#wrapAad(purpose), bytes)
  }

  /** Opens what wrap() made for this purpose here; undefined if it is anything else. */
  unwrap(purpose: string, sealed: Uint8Array): Buffer | undefined {
    return open(this.#wrapKey, this.#wrapAad(purpose), sealed)
  }

  /** Seals a small key of another room. */
  sealKey(purpose: string, bytes: Uint8Array): Buffer {
    return seal(this.derive('room-key'), this.#roomKeyAad(purpose), bytes)
  }

  /** Opens what sealKey() made for this purpose here; undefined if it is anything else. */
  openKey(purpose: string, sealed: Uint8Array): Buffer | undefined {
    return open(this.derive('room-key'), this.#roomKeyAad(purpose), sealed)
  }

  /** Lends the root key's bytes to `work`, which puts them into a slot, and zeroes them after it. */
  async withRoot<T>(work: (root: Uint8Array) => Promise<T>): Promise<T> {
    const root = this.#root.export()
    try {
      return await work(root)
    } finally {
      root.fill(0)
    }
  }

  /** `HMAC(metaMac, D("meta-mac") ‖ CJ(slots sorted by id))`: finds slots added, removed or changed offline. */
  slotsMac(slots: readonly Slot[]): Buffer {
    const sorted = [...slots].sort((a, b) => (a.id < b.id ? -1 : 1))
    return hmac(this.derive('meta-mac'), domain('meta-mac'), canonicalJson(sorted))
  }

  /** `HMAC(metaSettings, D("meta-settings") ‖ CJ(settings))`. */
  settingsMac(settings: Settings): Buffer {
    return hmac(this.derive('meta-settings'), domain('meta-settings'), settingsText(settings))
  }

  #roomKeyAad(purpose: string): Buffer {
    return Buffer.concat([domain('room-key'), lp(this.installId), lp(purpose)])
  }

  #wrapAad(purpose: string): Buffer {
    return Buffer.concat([domain('root-wrap'), lp(purpose), lp(this.installId)])
  }
}
