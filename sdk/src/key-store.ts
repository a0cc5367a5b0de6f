// Keeps key pairs in a browser's IndexedDB: the private key stays an object that nobody can read out, across visits.
import { ClavigerError } from './claviger-error.ts'
import type { WebKeyPair } from './platform.ts'

const STORE = 'keys'

/** What this uses of IndexedDB, whose types not every compiler of this package knows. */
interface IdbRequest<T> {
  readonly result: T
  readonly error: unknown
  onsuccess: (() => void) | null
  onerror: (() => void) | null
}
interface IdbStore {
  get(name: string): IdbRequest<unknown>
  add(value: unknown, name: string): IdbRequest<unknown>
  delete(name: string): IdbRequest<unknown>
}
interface IdbTransaction {
  objectStore(name: string): IdbStore
  oncomplete: (() => void) | null
  onabort: (() => void) | null
  readonly error: unknown
}
interface IdbDatabase {
  createObjectStore(name: string): unknown
  transaction(name: string, mode: 'readonly' | 'readwrite'): IdbTransaction
  close(): void
}
interface IdbFactory {
  open(name: string, version: number): IdbRequest<IdbDatabase> & { onupgradeneeded: (() => void) | null }
}

/** Named key pairs of this origin. */
export class KeyStore {
  readonly #database: string

  constructor(database = 'claviger') {
    this.#database = database
  }

  async get(name: string): Promise<WebKeyPair | undefined> {
    return (await this.#within('readonly', (store) => store.get(name))) as WebKeyPair | undefined
  }

  /** Throws `key_store_failed` for a name that is taken: a key that is overwritten is lost. */
  async add(name: string, { publicKey, privateKey }: WebKeyPair): Promise<void> {
    await this.#within('readwrite', (store) => store.add({ publicKey, privateKey }, name))
  }

  async remove(name: string): Promise<void> {
    await this.#within('readwrite', (store) => store.delete(name))
  }

  async #within(mode: 'readonly' | 'readwrite', ask: (store: IdbStore) => IdbRequest<unknown>): Promise<unknown> {
    const database = await this.#open()
    try {
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(STORE, mode)
        const request = ask(transaction.objectStore(STORE))
        transaction.oncomplete = () => resolve(request.result)
        transaction.onabort = () => reject(failed(transaction.error ?? request.error))
      })
    } finally {
      database.close()
    }
  }

  #open(): Promise<IdbDatabase> {
    const { indexedDB } = globalThis as { indexedDB?: IdbFactory }
    if (indexedDB === undefined) return Promise.reject(failed(new TypeError('there is no IndexedDB here')))
    return new Promise((resolve, reject) => {
      const request = indexedDB.open(this.#database, 1)
      request.onupgradeneeded = () => request.result.createObjectStore(STORE)
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(failed(request.error))
    })
  }
}

function failed(cause: unknown): ClavigerError {
  return new ClavigerError('key_store_failed', 'The browser’s key store failed', { cause })
}
