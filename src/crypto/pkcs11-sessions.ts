/**
 * Sessions with one token. A few, so that the threads on which the log is synced are never all busy with an HSM.
 * A session that was lost, by whatever, is opened anew for the call that noticed; a call that is never answered is given
 * up, and while as many hang as there are sessions nothing more is asked of the token.
 */
import { createHash } from 'node:crypto'
import type { Handle } from 'pkcs11js'
import type { Secret } from '../ground/secret.ts'
import { asHsmProblem, hsmProblem, initialise, type Library, nameOf } from './pkcs11-library.ts'

export interface SessionOptions {
  readonly library: Library
  /** The token's label. */
  readonly token: string
  /** Asked whenever somebody must log in; wiped after it. */
  readonly pin: () => Promise<Secret>
  /** How long one call may take, milliseconds. */
  readonly patienceMs: number
}

export interface Session {
  readonly handle: Handle
  /** Of what belongs together: sessions opened under one login, and the handles of keys found in them. */
  readonly connection: Connection
  /** Bytes that a thread reads or writes meanwhile: pkcs11js does not keep them from the garbage collector. */
  held: unknown
  /** Its call was given up, and may still be using it. */
  late: boolean
}

interface Connection {
  readonly slot: Handle
  readonly free: Session[]
  readonly keys: Map<string, Handle>
  state: 'open' | 'lost' | 'closed'
}

const SESSIONS = 2
const MAX_WAITING = 1_024

/** Answers after which a session, the login or the token is not what it was. Everything else is the call's own. */
const LOST = new Set([
  'CKR_CRYPTOKI_NOT_INITIALIZED',
  'CKR_DEVICE_ERROR',
  'CKR_DEVICE_REMOVED',
  'CKR_FUNCTION_FAILED',
  'CKR_GENERAL_ERROR',
  'CKR_KEY_HANDLE_INVALID',
  'CKR_OBJECT_HANDLE_INVALID',
  'CKR_OPERATION_ACTIVE',
  'CKR_OPERATION_NOT_INITIALIZED',
  'CKR_SESSION_CLOSED',
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_SLOT_ID_INVALID',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_USER_NOT_LOGGED_IN',
])

/** Those of them after which no session that was open is open any more. */
const VOID = new Set(['CKR_CRYPTOKI_NOT_INITIALIZED', 'CKR_SESSION_CLOSED', 'CKR_SESSION_HANDLE_INVALID'])

export class Sessions {
  readonly #options: SessionOptions
  #connection: Promise<Connection> | undefined
  #waiting: (() => void)[] = []
  #running = 0
  /** Calls that were given up and have not come back. */
  #hanging = 0
  /** SHA-256 of the PIN that the token refused. */
  #refused = ''

  constructor(options: SessionOptions) {
    this.#options = options
  }

  /**
   * Does `work` in a session that is its own meanwhile, once more in a new one if the first was lost.
   * Throws Problem `hsm_unavailable`, `hsm_busy`, `hsm_token_missing`, `hsm_pin_refused`, and what `work` throws.
   */
  async use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    await this.#turn()
    try {
      return await this.#once(work).catch((error) => {
        if (!isLost(error)) throw error
        return this.#once(work)
      })
    } catch (error) {
      throw asHsmProblem(error)
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }

  /** Ends every session that is not in use. */
  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined)
    this.#connection = undefined
    if (!connection) return
    connection.state = 'closed'
    for (const { handle } of connection.free.splice(0)) this.#close(handle)
  }

  async #once<T>(work: (session: Session) => Promise<T>): Promise<T> {
    if (this.#hanging >= SESSIONS) throw hsmProblem('hsm_unavailable', { detail: 'It has not answered for a while.' })
    const session = await this.#take()
    try {
      const result = await this.#answered(work(session), session)
      this.#giveBack(session)
      return result
    } catch (error) {
      if (isLost(error)) this.#drop(session.connection, error)
      if (!session.late) this.#giveBack(session)
      throw error
    }
  }

  #giveBack(session: Session): void {
    session.held = undefined
    if (session.connection.state === 'open') session.connection.free.push(session)
    else if (session.connection.state === 'closed') this.#close(session.handle)
  }

  /** Until a session is free. */
  async #turn(): Promise<void> {
    if (this.#running >= SESSIONS) {
      if (this.#waiting.length >= MAX_WAITING) throw hsmProblem('hsm_busy', { facts: { retryAfterSeconds: 1 } })
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#running += 1
  }

  async #take(): Promise<Session> {
    this.#connection ??= this.#connect().catch((error) => {
      this.#connection = undefined
      throw error
    })
    const connection = await this.#connection
    const free = connection.free.pop()
    if (free) return free
    try {
      return newSession(this.#open(connection.slot), connection)
    } catch (error) {
      if (isLost(error)) this.#drop(connection, error)
      throw error
    }
  }

  async #connect(): Promise<Connection> {
    const slot = this.#slot()
    const handle = this.#open(slot)
    try {
      await this.#login(handle)
    } catch (error) {
      this.#close(handle)
      throw error
    }
    const connection: Connection = { slot, free: [], keys: new Map(), state: 'open' }
    connection.free.push(newSession(handle, connection))
    return connection
  }

  #slot(): Handle {
    const { library, token } = this.#options
    const find = () =>
      library.module
        .C_GetSlotList(true)
        .find((slot) => library.module.C_GetTokenInfo(slot).label.replace(/[ \0]+$/, '') === token)
    let slot: Handle | undefined
    try {
      slot = find()
    } catch (error) {
      if (nameOf(error) !== 'CKR_CRYPTOKI_NOT_INITIALIZED') throw error
      initialise(library)
      slot = find()
    }
    if (!slot) throw hsmProblem('hsm_token_missing', { facts: { token } })
    return slot
  }

  #open(slot: Handle): Handle {
    const { module, constants } = this.#options.library
    return module.C_OpenSession(slot, constants.CKF_SERIAL_SESSION | constants.CKF_RW_SESSION)
  }

  async #login(handle: Handle): Promise<void> {
    const { library, pin } = this.#options
    const secret = await pin()
    const bytes = secret.reveal()
    const digest = createHash('sha256').update(bytes).digest('hex')
    try {
      if (digest === this.#refused) throw hsmProblem('hsm_pin_refused')
      library.module.C_Login(handle, library.constants.CKU_USER, bytes.toString('utf8'))
    } catch (error) {
      const name = nameOf(error) ?? ''
      if (name === 'CKR_USER_ALREADY_LOGGED_IN') return
      if (!name.startsWith('CKR_PIN_')) throw error
      this.#refused = digest
      throw hsmProblem('hsm_pin_refused', { detail: `The token answered ${name}.`, cause: error })
    } finally {
      secret.wipe()
    }
  }

  /** What `work` gives, or Problem `hsm_unavailable` when it takes too long; its session is then nobody's any more. */
  async #answered<T>(work: Promise<T>, session: Session): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        session.late = true
        this.#hanging += 1
        void work.catch(() => {}).finally(() => this.#cameBack(session))
        this.#drop(session.connection)
        reject(hsmProblem('hsm_unavailable', { detail: 'It took too long.' }))
      }, this.#options.patienceMs)
    })
    try {
      return await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
    }
  }

  #cameBack(session: Session): void {
    this.#hanging -= 1
    session.held = undefined
    this.#close(session.handle)
  }

  /** What is left of it is closed, unless its numbers may name the sessions of somebody else by now. */
  #drop(connection: Connection, error?: unknown): void {
    if (connection.state !== 'open') return
    connection.state = 'lost'
    this.#connection = undefined
    const free = connection.free.splice(0)
    if (!VOID.has(nameOf(error) ?? '')) for (const { handle } of free) this.#close(handle)
  }

  #close(handle: Handle): void {
    try {
      this.#options.library.module.C_CloseSession(handle)
    } catch {
      // It is gone already.
    }
  }
}

function newSession(handle: Handle, connection: Connection): Session {
  return { handle, connection, held: undefined, late: false }
}

function isLost(error: unknown): boolean {
  return LOST.has(nameOf(error) ?? '')
}
