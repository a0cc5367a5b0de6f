/** Registers connections: new ones, and new token sets in the place of those that ended. */
import type { Clock } from '../../ground/clock.ts'
import { isCredentialText } from '../../ground/credential-text.ts'
import { newId, type ServiceId } from '../../ground/ids.ts'
import { Secret } from '../../ground/secret.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import { checkExpiry, checkHandle, checkMeta } from '../check-credential.ts'
import { type CredentialView, MAX_SECRET_BYTES, vaultProblem } from '../contract.ts'
import type { Entry } from '../credential-entries.ts'
import { type Credentials, retired } from '../credentials.ts'
import { hashOrigins } from '../envelope.ts'
import { handleIsTaken, putVersion } from '../store.ts'
import { type ConnectionFacts, ConnectionInput } from './contract.ts'
import { RenewalFailure } from './failure.ts'
import { type PlacesOf, tokenOrigin, tokenUrlOf } from './places.ts'
import { bytesOf, otherSecrets } from './sealed.ts'
import { renewalTime } from './token-keeper.ts'
import { pkcs8 } from './token-request.ts'

export interface NewConnection {
  readonly handle: string
  readonly service: ServiceId
  /** `href` of every origin of the service. The access token opens for these and no others. */
  readonly origins: readonly string[]
  readonly meta?: Readonly<Record<string, string>> | undefined
  readonly connection: ConnectionInput
  /** Take the place of the connection of that handle, as its next version. */
  readonly replace?: boolean | undefined
}

export interface RegistrationParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly credentials: Credentials
  readonly placesOf: PlacesOf
  /** Present where the service wants a secret of a certain form: keys to sign with, or a piece of a path. */
  readonly shapeOf?: ((service: ServiceId) => object | undefined) | undefined
}

export class Registrations {
  readonly #parts: RegistrationParts

  constructor(parts: RegistrationParts) {
    this.#parts = parts
  }

  /**
   * Throws Problem `token_url_refused`, `connection_invalid`, `handle_*`, `metadata_*`, `expiry_past`, `vault_sealed`;
   * with `replace` also `credential_unknown`, `credential_not_connection`.
   */
  async register(input: NewConnection, by: Actor): Promise<CredentialView> {
    const { clock, placesOf } = this.#parts
    checkHandle(input.handle)
    const connection = ConnectionInput.parse(input.connection)
    checkTexts(connection)
    checkMetas(input.meta ?? {}, connection)
    if (this.#parts.shapeOf?.(input.service) !== undefined) {
      throw vaultProblem('connection_invalid', {
        detail: 'The service takes a secret of a form that tokens do not have.',
      })
    }
    const origin = tokenOrigin(tokenUrlOf(connection), placesOf(input.service))
    const facts = factsOf(connection, origin, clock.now())
    const bytes = bytesOf(connection)
    try {
      if (bytes.length > MAX_SECRET_BYTES) throw vaultProblem('connection_invalid', { detail: 'It is too long.' })
      return await (input.replace === true
        ? this.#replace(input, facts, bytes, by)
        : this.#add(input, facts, bytes, by))
    } finally {
      bytes.fill(0)
    }
  }

  #add(input: NewConnection, connection: ConnectionFacts, bytes: Buffer, by: Actor): Promise<CredentialView> {
    const { storage, credentials, clock } = this.#parts
    const { handle, service, meta = {} } = input
    const plain = { id: newId('crd'), handle, service, version: 1, meta: { ...meta }, createdAt: clock.now() }
    const rest = { rotatedAt: undefined, expiresAt: undefined, originsHash: hashOrigins(input.origins), connection }
    return storage.write(async (tx) => {
      if (await handleIsTaken(tx, handle)) throw vaultProblem('handle_taken', { facts: { handle } })
      return credentials.put(tx, credentials.sealed({ ...plain, ...rest }, bytes), 'secret.stored', by)
    })
  }

  /** The next version of the same credential: grants go on to hold. */
  #replace(input: NewConnection, facts: ConnectionFacts, bytes: Buffer, by: Actor): Promise<CredentialView> {
    const { storage, credentials, clock } = this.#parts
    const { id } = credentials.known(input.handle)
    return storage.write(async (tx) => {
      const { entry: old, version } = await credentials.stored(tx, id)
      if (old.connection === undefined || old.service !== input.service) throw vaultProblem('credential_not_connection')
      const rotatedAt = clock.now()
      const connection = { ...facts, generation: old.connection.generation + 1 }
      const next: Omit<Entry, 'envelope' | 'failed'> = {
        ...old,
        meta: input.meta === undefined ? old.meta : { ...input.meta },
        version: old.version + 1,
        rotatedAt,
        connection,
        originsHash: hashOrigins(input.origins),
      }
      await putVersion(tx, retired(version, rotatedAt))
      return credentials.put(tx, credentials.sealed(next, bytes), 'secret.rotated', by)
    })
  }
}

/** A kind that mints its tokens has none yet: the first call that needs one has it made. */
function factsOf(connection: ConnectionInput, tokenOrigin: string, now: number): ConnectionFacts {
  const facts = { kind: connection.kind, generation: 1, tokenOrigin }
  if (connection.kind !== 'oauth') return { ...facts, endsAt: 0, renewAt: 0 }
  const { expiresAt, refreshToken } = connection
  const fixed = refreshToken === undefined
  if (fixed) checkExpiry(expiresAt, now)
  const known = { ...facts, ...(fixed && { fixed }) }
  if (expiresAt === undefined) return known
  // Of a set that was had elsewhere nobody knows the whole life: the margin is a minute.
  const renewAt = fixed ? expiresAt : renewalTime(expiresAt, expiresAt - 3_600_000)
  return { ...known, endsAt: expiresAt, renewAt }
}

/** What goes out in a head must be fit for one, and a key must be a key: said now, not at the first call. */
function checkTexts(connection: ConnectionInput): void {
  const texts = Object.entries(connection).filter(([name]) => /Token$|Secret$|^client|^appId|Url$/.test(name))
  for (const [member, text] of texts) {
    if (text === undefined) continue
    const fit = typeof text === 'string' && isCredentialText(Buffer.from(text, 'utf8'))
    if (!fit) throw vaultProblem('connection_invalid', { detail: 'It is not printable ASCII.', facts: { member } })
  }
  if (!('privateKey' in connection)) return
  try {
    pkcs8(connection.privateKey)
  } catch (error) {
    if (!(error instanceof RenewalFailure)) throw error
    throw vaultProblem('connection_invalid', { detail: 'It is no RSA key in PEM.', facts: { member: 'privateKey' } })
  }
}

function checkMetas(meta: Readonly<Record<string, string>>, connection: ConnectionInput): void {
  const own =
    connection.kind === 'oauth' ? connection.accessToken : 'privateKey' in connection ? connection.privateKey : ''
  for (const secret of [Secret.fromText(own || '(none)'), ...otherSecrets(connection)]) {
    checkMeta(meta, secret)
    secret.wipe()
  }
}
