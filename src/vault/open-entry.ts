import { type Binding, CONNECTION_FIELD, FIELD, kekNumber, openEnvelope } from './envelope.ts'
import type { Unlocked } from './unlock.ts'

type Bound = {
  readonly id: string
  readonly version: number
  readonly originsHash: Uint8Array
  readonly connection?: object | undefined
}

/** What the envelope of this credential must be bound to. */
export function bindingOf(installId: Uint8Array, entry: Bound): Binding {
  return {
    installId,
    credentialId: entry.id,
    version: entry.version,
    // Another field: what holds a refresh token never opens as something to send to the service.
    field: entry.connection === undefined ? FIELD : CONNECTION_FIELD,
    originsHash: entry.originsHash,
  }
}

/** The secret, or undefined: another form, a generation that is retired, or not authentic. The caller zeroes it. */
export function openEntry(
  { keyring, settings }: Pick<Unlocked, 'keyring' | 'settings'>,
  entry: Bound & { readonly envelope: Uint8Array },
): Buffer | undefined {
  const number = kekNumber(entry.envelope)
  if (number === undefined || !settings.kek.alive.includes(number)) return undefined
  return openEnvelope(keyring.kek(number), bindingOf(keyring.installId, entry), entry.envelope)
}
