import type { KeyObject } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { Hosts, Lifetime } from './certificates.ts'
import { localCaProblem } from './contract.ts'

export type Wanted = { readonly id: number; readonly life: Lifetime } & (
  | { readonly kind: 'server'; readonly host: string; readonly spki: Uint8Array }
  | { readonly kind: 'authority'; readonly hosts: Hosts }
)
export type Made = { readonly id: number } & ({ readonly pem: string } | { readonly error: string })

export interface ThreadAuthority {
  readonly name: string
  readonly spki: Uint8Array
  readonly key: KeyObject
}

/** Certificates come in bursts: with a new agent, a new service, a start. */
const IDLE_MS = 60_000
const MOST_MEGABYTES = 64

/**
 * Makes certificates of one authority off the event loop. The thread is there from the first that is wanted until none was for a
 * minute; it has the authority's key, in this process's memory, and nothing of the environment.
 */
export class CertificateThread {
  readonly #authority: ThreadAuthority
  readonly #asked = new Map<number, PromiseWithResolvers<string>>()
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #count = 0

  constructor(authority: ThreadAuthority) {
    this.#authority = authority
  }

  /** PEM, of a server at `host`, which is no wildcard. */
  server(host: string, spki: Uint8Array, life: Lifetime): Promise<string> {
    return this.#make({ id: this.#count++, kind: 'server', host, spki, life })
  }

  /** PEM, of the authority itself. */
  authority(hosts: Hosts, life: Lifetime): Promise<string> {
    return this.#make({ id: this.#count++, kind: 'authority', hosts, life })
  }

  /** What is being made is not: it rejects with Problem `authority_changed`. */
  close(): void {
    this.#end(localCaProblem('authority_changed'))
  }

  #make(wanted: Wanted): Promise<string> {
    clearTimeout(this.#idle)
    this.#worker ??= this.#start()
    const answer = Promise.withResolvers<string>()
    this.#asked.set(wanted.id, answer)
    this.#worker.postMessage(wanted)
    return answer.promise
  }

  #start(): Worker {
    const worker = new Worker(new URL('./make-in-thread.ts', import.meta.url), {
      workerData: this.#authority,
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEGABYTES },
    })
    worker.unref()
    worker.on('message', (made: Made) => this.#made(made))
    const over = (error: Error) => {
      if (this.#worker === worker) this.#end(error)
    }
    worker.once('error', over)
    worker.once('exit', () => over(new Error('the thread of the certificates ended')))
    return worker
  }

  #made(made: Made): void {
    const answer = this.#asked.get(made.id)
    this.#asked.delete(made.id)
    if ('pem' in made) answer?.resolve(made.pem)
    else answer?.reject(new Error(made.error))
    if (this.#asked.size > 0) return
    this.#idle = setTimeout(() => this.close(), IDLE_MS)
    this.#idle.unref()
  }

  #end(error: Error): void {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    void worker?.terminate()
    const asked = [...this.#asked.values()]
    this.#asked.clear()
    for (const { reject } of asked) reject(error)
  }
}
