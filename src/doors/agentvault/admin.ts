// `/vault.admin.*` (§1.6): services and secrets, each request in one transaction, so that what fails leaves nothing (AV-14).
import type { Tx } from '../../storage/storage.ts'
import { CompiledService, toldOf } from './compiled-service.ts'
import type { JsonObject, ServiceRecord, VaultService } from './contract.ts'
import { DoorGrants } from './door-grants.ts'
import { DoorSecrets } from './door-secrets.ts'
import { refuseSelfNamed } from './named-agents.ts'
import { nativeName, nativeService } from './native-service.ts'
import { type AdminNeeds, type Made, VAULT_ADMIN } from './needs.ts'
import { redactedBody } from './redact-body.ts'
import { refused } from './refusal.ts'
import {
  masterSecretOf,
  merged,
  readService,
  refuseUnknown,
  requiredText,
  secretRefOf,
  serviceName,
  withRef,
} from './service-form.ts'
import { putService, removeService } from './store.ts'
import { templateForm } from './vault-templates.ts'
import { worded } from './worded.ts'

/** What each endpoint answers. */
export type AdminReply = { readonly [name: string]: unknown }

export class VaultAdmin {
  readonly grants: DoorGrants
  readonly #needs: AdminNeeds
  readonly #secrets: DoorSecrets
  /** One change at a time: each rests on what the one before it left in memory. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(needs: AdminNeeds) {
    this.#needs = needs
    this.#secrets = new DoorSecrets(needs)
    this.grants = new DoorGrants(needs)
  }

  addService(body: JsonObject, made?: Made): Promise<AdminReply> {
    return this.#inTurn(() => this.#addService(body, made))
  }

  updateService(body: JsonObject): Promise<AdminReply> {
    return this.#inTurn(() => this.#updateService(body))
  }

  removeService(body: JsonObject): Promise<AdminReply> {
    return this.#inTurn(() => this.#removeService(body))
  }

  addSecret(body: JsonObject, made?: Made): Promise<AdminReply> {
    return this.#inTurn(() => this.#addSecret(body, made))
  }

  removeSecret(body: JsonObject): Promise<AdminReply> {
    return this.#inTurn(() => this.#removeSecret(body))
  }

  loadTemplate(body: JsonObject): Promise<AdminReply> {
    return this.#inTurn(() => this.#loadTemplate(body))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  async #addService(body: JsonObject, made?: Made): Promise<AdminReply> {
    const name = serviceName(body)
    refuseUnknown(body, ['service', 'masterSecret'])
    const definition = withRef(name, readService(body), body)
    if (this.#needs.services.byName(nativeName(name)) !== undefined) throw refused('SERVICE_ALREADY_EXISTS')
    await this.#add(name, definition, masterSecretOf(body), 'admin.addService', { body, made })
    return { ok: true, service: name }
  }

  async #updateService(body: JsonObject): Promise<AdminReply> {
    const name = serviceName(body)
    const service = this.#known(name)
    const { service: _, ...patch } = body
    refuseUnknown(patch, [])
    const form = merged(service.definition as unknown as JsonObject, patch) as JsonObject
    await this.#replace(service, readService(form), undefined, 'admin.updateService', { body })
    return { ok: true, service: name }
  }

  async #removeService(body: JsonObject): Promise<AdminReply> {
    const service = this.#known(serviceName(body))
    const { storage, services, grants } = this.#needs
    await storage.write(
      async (tx) => {
        await this.grants.withdraw(service, tx)
        await grants.revokeOfService(service.id, VAULT_ADMIN, tx)
        await this.#secrets.removeOf(service.id, tx)
        await services.remove(service.id, VAULT_ADMIN, tx)
        await removeService(tx, service.id)
        await this.#told(tx, service.id, undefined, 'admin.removeService', {
          ...toldOf(service),
          body: redactedBody(body),
        })
      },
      { urgent: true },
    )
    return { ok: true, service: service.name }
  }

  async #addSecret(body: JsonObject, made?: Made): Promise<AdminReply> {
    const ref = secretRefOf(body)
    const secret = requiredText(body, 'secret')
    const { storage, book, services } = this.#needs
    if (this.#stays(ref, made)) return { ok: true, secretRef: ref, stored: false }
    const naming = book.services().filter(({ definition }) => definition.secretRef === ref)
    const natives = naming.flatMap(({ id }) => services.byId(id) ?? [])
    await storage.write(async (tx) => {
      await this.#secretsOf(made).put(ref, secret, natives, 'SECRET_INVALID', tx)
      const ev = { event: 'admin.addSecret', secretRef: ref, redacted: true }
      const record = { type: 'config', actor: made?.by ?? VAULT_ADMIN, ev }
      await tx.change({ kind: 'agentvault_told', ref, record })
    })
    return { ok: true, secretRef: ref }
  }

  async #removeSecret(body: JsonObject): Promise<AdminReply> {
    const ref = secretRefOf(body)
    await this.#needs.storage.write(
      async (tx) => {
        await this.#secrets.remove(ref, tx)
        const ev = { event: 'admin.removeSecret', secretRef: ref }
        await tx.change({ kind: 'agentvault_told', ref, record: { type: 'config', actor: VAULT_ADMIN, ev } })
      },
      { urgent: true },
    )
    return { ok: true, secretRef: ref }
  }

  async #loadTemplate(body: JsonObject): Promise<AdminReply> {
    const template = requiredText(body, 'template').toLowerCase()
    const unknown = Object.keys(body).find((key) => !TEMPLATE_FIELDS.has(key))
    if (unknown !== undefined) throw refused(`FIELD_NOT_ALLOWED:${unknown.slice(0, 64)}`)
    const form = templateForm(template)
    if (form === undefined) throw refused(`UNKNOWN_TEMPLATE:${template.slice(0, 64)}`)
    const { allowedAgents, baseUrl } = body
    const given = { ...(baseUrl !== undefined && { baseUrl }), ...(allowedAgents !== undefined && { allowedAgents }) }
    const secret = masterSecretOf(body)
    const known = this.#needs.book.service(template)
    const facts = { body, template }
    if (known === undefined) {
      if (this.#needs.services.byName(template) !== undefined) throw refused('SERVICE_ALREADY_EXISTS')
      const definition = readService(merged(form, given) as JsonObject)
      await this.#add(template, definition, secret, 'admin.loadTemplate', facts)
    } else {
      const { allowedAgents: _, baseUrl: __, ...rest } = form
      const definition = readService(
        merged(merged(known.definition as unknown as JsonObject, rest), given) as JsonObject,
      )
      await this.#replace(known, definition, secret, 'admin.loadTemplate', facts)
    }
    return { ok: true, service: template, template, secretConfigured: secret !== undefined }
  }

  async #add(
    name: string,
    definition: VaultService,
    secret: string | undefined,
    event: string,
    facts: Facts,
  ): Promise<void> {
    const { storage, services, clock, addresses } = this.#needs
    refuseSelfNamed(this.#needs, definition)
    const now = clock.now()
    const { by = VAULT_ADMIN } = facts.made ?? {}
    const service = await worded(() =>
      storage.write(async (tx) => {
        const native = await services.add(nativeService(name, definition, addresses), by, tx)
        const { secretRef: ref } = definition
        const secrets = this.#secretsOf(facts.made)
        if (ref !== undefined && secret !== undefined && !this.#stays(ref, facts.made)) {
          await secrets.put(ref, secret, [native], 'MASTERSECRET_INVALID', tx)
        } else if (ref !== undefined) await secrets.give(ref, native, tx)
        const record: ServiceRecord = { id: native.id, name, definition, createdAt: now, updatedAt: now }
        await putService(tx, record)
        const told = toldOf(new CompiledService(record, undefined))
        await this.#told(tx, native.id, record, event, { ...told, ...shown(facts) }, by)
        return native.id
      }),
    )
    await this.#grantNamed(service)
  }

  async #replace(
    old: CompiledService,
    definition: VaultService,
    secret: string | undefined,
    event: string,
    facts: Facts,
  ): Promise<void> {
    const { storage, services, vault, clock } = this.#needs
    refuseSelfNamed(this.#needs, definition, old.definition)
    // Of one moment with another change it must not be: what was made for the one is not good for the other.
    const updatedAt = Math.max(clock.now(), old.record.updatedAt + 1)
    await worded(() =>
      storage.write(async (tx) => {
        await this.grants.withdraw(old, tx)
        const input = this.#nativeOf(old, definition)
        const { service: native, newOrigins } = await services.replace(old.id, input, VAULT_ADMIN, tx)
        const { secretRef: ref } = definition
        if (ref !== old.definition.secretRef) await this.#secrets.release(old.id, tx)
        else await vault.rebind(old.id, newOrigins, VAULT_ADMIN, tx)
        if (ref !== undefined && secret !== undefined) {
          await this.#secrets.put(ref, secret, [native], 'MASTERSECRET_INVALID', tx)
        } else if (ref !== undefined && ref !== old.definition.secretRef) await this.#secrets.give(ref, native, tx)
        const record: ServiceRecord = { ...old.record, definition, updatedAt }
        await putService(tx, record)
        await this.#told(tx, old.id, record, event, {
          ...toldOf(new CompiledService(record, undefined)),
          ...shown(facts),
        })
      }),
    )
    await this.#grantNamed(old.id)
  }

  /** What an operator said of the service in the house's own words, and this door has no word for, stays. */
  #nativeOf(old: CompiledService, definition: VaultService) {
    const { services, addresses } = this.#needs
    const { plainQuery, auditMode, addresses: own } = services.find(old.id).view
    const made = nativeService(old.name, definition, addresses)
    return {
      ...made,
      ...(own !== undefined && { addresses: own }),
      ...(plainQuery !== undefined && { plainQuery }),
      ...(auditMode !== undefined && { auditMode }),
    }
  }

  /** Agents that are named have their grants at once; those that `*` means, when they first come. */
  async #grantNamed(id: ServiceRecord['id']): Promise<void> {
    const { book, identity } = this.#needs
    const service = book.services().find((one) => one.id === id)
    for (const name of service?.allowedAgents ?? []) {
      const agent = name === '*' ? undefined : identity.findAgent(name)
      const gone = agent?.status !== 'active' || book.isRevoked('agent', agent.id, agent.id)
      if (!gone && service !== undefined) await this.grants.ensure(agent, service)
    }
  }

  #known(name: string): CompiledService {
    const service = this.#needs.book.service(name)
    if (service === undefined) throw refused('UNKNOWN_SERVICE')
    return service
  }

  #secretsOf(made: Made | undefined): DoorSecrets {
    return made === undefined ? this.#secrets : new DoorSecrets(this.#needs, made)
  }

  /** What comes from elsewhere is older than what is sealed here. */
  #stays(ref: string, made: Made | undefined): boolean {
    return made !== undefined && this.#needs.book.credentials(ref).length > 0
  }

  async #told(
    tx: Tx,
    id: ServiceRecord['id'],
    after: ServiceRecord | undefined,
    event: string,
    ev: object,
    actor = VAULT_ADMIN,
  ) {
    const record = { type: 'config', actor, ev: { ...ev, event } }
    await tx.change({ kind: 'agentvault_service', ref: id, after, record })
  }
}

const TEMPLATE_FIELDS = new Set(['template', 'masterSecret', 'allowedAgents', 'baseUrl'])

interface Facts {
  readonly body: JsonObject
  readonly template?: string
  readonly made?: Made | undefined
}

const shown = ({ body, template }: Facts) => ({ body: redactedBody(body), ...(template !== undefined && { template }) })
