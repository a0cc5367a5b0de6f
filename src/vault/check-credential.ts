import { isCredentialText } from '../ground/credential-text.ts'
import { MARK } from '../ground/placeholder-shape.ts'
import type { Secret } from '../ground/secret.ts'
import { Handle, MAX_SECRET_BYTES, Metadata, MIN_SECRET_BYTES, type SecretShape, vaultProblem } from './contract.ts'

/** Throws Problem `handle_invalid`. Doors that name credentials themselves pass here too. */
export function checkHandle(handle: string): void {
  if (!Handle.safeParse(handle).success) throw vaultProblem('handle_invalid')
}

/**
 * Throws Problem `secret_too_short`, `secret_too_long`, `secret_is_placeholder`, `credential_not_header_safe` for what no request can carry, and
 * `secret_shape_refused` for what is not what the service takes.
 */
export function checkSecret(secret: Secret, shape?: SecretShape): void {
  if (secret.length < MIN_SECRET_BYTES) throw vaultProblem('secret_too_short')
  if (secret.length > MAX_SECRET_BYTES) throw vaultProblem('secret_too_long')
  const bytes = secret.reveal()
  if (!isCredentialText(bytes)) throw vaultProblem('credential_not_header_safe')
  if (bytes.includes(MARK)) throw vaultProblem('secret_is_placeholder')
  const wants = shape?.(bytes)
  if (wants !== undefined) throw vaultProblem('secret_shape_refused', { detail: `The service takes ${wants}.` })
}

/** Throws Problem `metadata_invalid`, and `metadata_holds_secret` if a value holds the secret. */
export function checkMeta(meta: Readonly<Record<string, string>>, secret: Secret): void {
  if (!Metadata.safeParse(meta).success || !Object.values(meta).every((value) => value.isWellFormed())) {
    throw vaultProblem('metadata_invalid')
  }
  const holds = Object.values(meta).some((value) => Buffer.from(value).includes(secret.reveal()))
  if (holds) throw vaultProblem('metadata_holds_secret')
}

/** Throws Problem `expiry_past`. */
export function checkExpiry(expiresAt: number | undefined, now: number): void {
  if (expiresAt !== undefined && !(expiresAt > now)) throw vaultProblem('expiry_past')
}
