import { Secret } from '../../ground/secret.ts'
import type { ConnectionInput, SealedConnection } from './contract.ts'

/** A new access token, and what came with it. */
export interface Renewed {
  readonly accessToken: string
  /** Undefined where the old one stays good. */
  readonly refreshToken?: string | undefined
  readonly endsAt: number
}

/** The bytes to seal. The caller zeroes them. */
export function bytesOf(connection: SealedConnection): Buffer {
  return Buffer.from(JSON.stringify(connection), 'utf8')
}

/** What bytesOf() made; nothing else opens as a connection, so its form is believed. */
export function connectionOf(bytes: Uint8Array): SealedConnection {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as SealedConnection
}

/** The connection with its next tokens; those that they take the place of are kept to be searched for. */
export function withTokens(connection: SealedConnection, { accessToken, refreshToken }: Renewed): SealedConnection {
  const replaced = [connection.accessToken, refreshToken === undefined ? undefined : refreshTokenOf(connection)]
  const before = replaced.filter((token) => token !== undefined)
  const next = { ...connection, accessToken, before }
  return next.kind === 'oauth' && refreshToken !== undefined ? { ...next, refreshToken } : next
}

export function refreshTokenOf(connection: ConnectionInput): string | undefined {
  return connection.kind === 'oauth' ? connection.refreshToken : undefined
}

/** Every secret that an answer could hold beside the access token. Private keys are never sent to anybody. */
export function otherSecrets(connection: SealedConnection): Secret[] {
  const clientSecret = 'clientSecret' in connection ? connection.clientSecret : undefined
  const texts = [refreshTokenOf(connection), clientSecret, ...(connection.before ?? [])]
  return texts.filter((text) => text !== undefined).map((text) => Secret.fromText(text))
}
