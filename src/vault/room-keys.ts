/** Small private keys of other rooms, sealed under the root key: the vault keeps their secret, they keep their rows. */
import { Secret } from '../ground/secret.ts'
import { MAX_ROOM_KEY_BYTES, vaultProblem } from './contract.ts'
import type { Keyring } from './keyring.ts'

/** `bytes` stay the caller's to zero. Throws RangeError above 4,096 of them. */
export function sealRoomKey(keyring: Keyring, purpose: string, bytes: Uint8Array): Buffer {
  if (bytes.length > MAX_ROOM_KEY_BYTES) throw new RangeError('room key: too long')
  return keyring.sealKey(purpose, bytes)
}

/** Throws Problem `room_key_damaged` for whatever was not sealed here for this purpose. */
export function openRoomKey(keyring: Keyring, purpose: string, sealed: Uint8Array): Secret {
  const bytes = keyring.openKey(purpose, sealed)
  if (bytes === undefined) throw vaultProblem('room_key_damaged', { facts: { purpose } })
  return new Secret(bytes)
}
