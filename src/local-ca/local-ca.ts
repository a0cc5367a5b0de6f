import { constants, createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { fromKey } from '../crypto/p256.ts'
import type { Clock } from '../ground/clock.ts'
import type { Secret } from '../ground/secret.ts'
import type { Actor, Change, Storage } from '../storage/storage.ts'
import { CertificateThread } from './certificate-thread.ts'
import { type LocalCaView, localCaProblem } from './contract.ts'
import { type LocalCaRow, loadLocalCa, putLocalCa } from './store.ts'

export interface LocalCaOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly vault: {
    sealKey(purpose: string, bytes: Uint8Array): Buffer
    openKey(purpose: string, sealed: Uint8Array): Secret
  }
  /** Of the services, by HTTPS; as origins write them. */
  readonly hosts: () => readonly string[]
  /** Addresses of the gateway itself where it speaks TLS by this authority; as origins write them. */
  readonly own: readonly string[]
}

/** PEM. */
export interface OwnPair {
  readonly cert: string
  readonly key: string
}

interface Leaf {
  readonly context: Promise<SecureContext>
  readonly renewAt: number
}

const HOUR_MS = 3_600_000
/** Clocks of clients may be behind ours. */
const BACKDATED_MS = HOUR_MS
const LEAF_LIFE_MS = 24 * HOUR_MS
const RENEWED_AFTER_MS = LEAF_LIFE_MS / 2
const CA_LIFE_MS = 365 * 24 * HOUR_MS
const MOST_LEAVES = 1_000
const KIND = 'local_ca'
const PURPOSE = 'local-ca'
/**
 * What is cheapest of what is sound: a tunnel lies within this machine or within the gateway's own TLS, so that nobody keeps what
 * goes through it for the day on which X25519 is broken.
 */
const TUNNEL_TLS = {
  minVersion: 'TLSv1.2',
  ecdhCurve: 'X25519:P-256:P-384',
  ciphers: `TLS_AES_128_GCM_SHA256:${constants.defaultCipherList}`,
  honorCipherOrder: true,
} as const
const SYSTEM: Actor = { kind: 'system', id: 'claviger' }

/**
 * The authority that the agents of this installation trust, and nobody else: it stands in for the services' own servers
 * inside tunnels.
 *
 * Owns: the table `local_ca`.
 * Invariant: it signs for hosts that some service names now and for the gateway's own addresses, for no other authority, and for a day; the certificate that an
 * agent trusts names the hosts that this agent was given, so that whoever had the key could do no more with it. The key is never outside the vault and this memory.
 */
export class LocalCa {
  readonly #options: LocalCaOptions
  readonly #leaves = new Map<string, Leaf>()
  readonly #pairs = new Map<string, { readonly pair: OwnPair; readonly renewAt: number }>()
  #row: LocalCaRow | undefined
  #thread: CertificateThread | undefined
  /** One pair for all servers, made anew with each start. */
  #serverKey: { readonly spki: Buffer; readonly pem: string } | undefined
  #making: Promise<void> | undefined

  constructor(options: LocalCaOptions) {
    this.#options = options
    options.storage.follow((change) => this.#follow(change))
  }

  /** After unsealing. `bad`: ids of rows that are not believed: the next certificate is another authority's. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { rows, bad } = await loadLocalCa(this.#options.storage)
    this.clear()
    this.#row = rows[0]
    return { bad }
  }

  /** At sealing. */
  clear(): void {
    this.#row = undefined
    this.#forget()
    this.#serverKey = undefined
  }

  /**
   * The certificate to trust for `wanted`: whoever trusts it believes this authority of no other host, and learns of none. As
   * often as it is asked for it is another one of the same key. Throws Problem `vault_sealed`.
   */
  async view(wanted: readonly string[]): Promise<LocalCaView> {
    const thread = await this.#authority()
    const now = this.#options.clock.now()
    const hosts = [...new Set([...wanted, ...this.#options.own])].sort()
    const until = now + CA_LIFE_MS
    const certificate = await thread.authority(hosts, { from: now - BACKDATED_MS, until })
    const { fingerprint256: fingerprint, validTo } = new X509Certificate(certificate)
    return { fingerprint, hosts, validTo: new Date(validTo).toISOString(), certificate }
  }

  /** For a TLS server at `host`, from memory if it is there. Throws Problems `host_not_named`, `vault_sealed`. */
  contextFor(host: string): Promise<SecureContext> {
    const now = this.#options.clock.now()
    const known = this.#leaves.get(host)
    if (known !== undefined && now < known.renewAt) return known.context
    const context = this.#make(host, now)
    this.#leaves.delete(host)
    this.#leaves.set(host, { context, renewAt: now + RENEWED_AFTER_MS })
    const [oldest] = this.#leaves.size > MOST_LEAVES ? this.#leaves.keys() : []
    if (oldest !== undefined) this.#leaves.delete(oldest)
    context.catch(() => this.#leaves.delete(host))
    return context
  }

  /** For the gateway's own TLS: the same pair until it is time for another. Throws Problem `vault_sealed`. */
  async pairFor(own: string): Promise<OwnPair> {
    const now = this.#options.clock.now()
    const known = this.#pairs.get(own)
    if (known !== undefined && now < known.renewAt) return known.pair
    if (!this.#options.own.includes(own)) throw localCaProblem('host_not_named', { facts: { host: own } })
    const pair = await this.#signed(own, now)
    this.#pairs.set(own, { pair, renewAt: now + RENEWED_AFTER_MS })
    return pair
  }

  /** Another key: what trusted the old certificate trusts nothing of ours any more. Throws Problem `vault_sealed`. */
  async rotate(by: Actor): Promise<void> {
    const { storage, clock, vault } = this.#options
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const bytes = privateKey.export({ format: 'der', type: 'pkcs8' })
    const { spki, thumbprint } = fromKey(privateKey)
    const sealed = vault.sealKey(PURPOSE, bytes)
    bytes.fill(0)
    const row = { id: 'local', spki, sealed, created_at: clock.now() } as const
    await storage.write(async (tx) => {
      await putLocalCa(tx, row)
      const record = { type: 'key.local_ca_made', actor: by, ev: { kid: thumbprint } }
      await tx.change({ kind: KIND, ref: row.id, after: row, record })
    })
  }

  async #make(host: string, now: number): Promise<SecureContext> {
    if (!this.#options.hosts().some((named) => covers(named, host)))
      throw localCaProblem('host_not_named', { facts: { host } })
    return createSecureContext({ ...(await this.#signed(host, now)), ...TUNNEL_TLS })
  }

  async #signed(host: string, now: number): Promise<OwnPair> {
    const thread = await this.#authority()
    this.#serverKey ??= serverKey()
    const { spki, pem } = this.#serverKey
    const life = { from: now - BACKDATED_MS, until: now - BACKDATED_MS + LEAF_LIFE_MS }
    return { cert: await thread.server(host, spki, life), key: pem }
  }

  async #authority(): Promise<CertificateThread> {
    if (this.#row === undefined) {
      this.#making ??= this.rotate(SYSTEM).finally(() => {
        this.#making = undefined
      })
      await this.#making
    }
    const { spki, sealed } = this.#row as unknown as LocalCaRow
    const name = `Claviger local authority ${this.#options.storage.instanceId}`.slice(0, 64)
    this.#thread ??= new CertificateThread({ name, spki, key: this.#open(sealed) })
    return this.#thread
  }

  #open(sealed: Uint8Array): KeyObject {
    const secret = this.#options.vault.openKey(PURPOSE, sealed)
    try {
      return createPrivateKey({ key: secret.reveal(), format: 'der', type: 'pkcs8' })
    } finally {
      secret.wipe()
    }
  }

  /** What was made, and what makes it. */
  #forget(): void {
    this.#thread?.close()
    this.#thread = undefined
    this.#leaves.clear()
    this.#pairs.clear()
  }

  #follow({ kind, after }: Change): void {
    if (kind === 'service') this.#leaves.clear()
    if (kind !== KIND) return
    this.#row = after as LocalCaRow
    this.#forget()
  }
}

/** Whether a host of a service is this one; `*.` stands for exactly one label. */
function covers(named: string, host: string): boolean {
  if (!named.startsWith('*.')) return named === host
  return host.endsWith(named.slice(1)) && !host.slice(0, 1 - named.length).includes('.')
}

function serverKey(): { spki: Buffer; pem: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return {
    spki: publicKey.export({ format: 'der', type: 'spki' }),
    pem: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  }
}
