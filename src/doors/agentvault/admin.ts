// `/vault.admin.*` (§1.6): services and secrets, each request in one transaction, so that what fails leaves nothing (AV-14).
import type { CompiledService } from './compiled-service.ts'
import type { JsonObject } from './contract.ts'
import { DoorGrants } from './door-grants.ts'
import { DoorSecrets } from './door-secrets.ts'
import { nativeName } from './native-service.ts'
import { type AdminNeeds, type Made, VAULT_ADMIN } from './needs.ts'
import { refused } from './refusal.ts'
import { ServiceChanges } from './service-changes.ts'
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
import { templateForm } from './vault-templates.ts'

/** What each endpoint answers. */
export type AdminReply = { readonly [name: string]: unknown }

export class VaultAdmin {
  readonly grants: DoorGrants
  readonly #needs: AdminNeeds
  readonly #changes: ServiceChanges
  /** One change at a time: each rests on what the one before it left in memory. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(needs: AdminNeeds) {
    this.#needs = needs
    this.grants = new DoorGrants(needs)
    this.#changes = new ServiceChanges(needs, this.grants)
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
    await this.#changes.add(name, definition, masterSecretOf(body), 'admin.addService', { body, made })
    return { ok: true, service: name }
  }

  async #updateService(body: JsonObject): Promise<AdminReply> {
    const name = serviceName(body)
    const service = this.#known(name)
    const { service: _, ...patch } = body
    refuseUnknown(patch, [])
    const form = merged(service.definition as unknown as JsonObject, patch) as JsonObject
    await this.#changes.replace(service, readService(form), undefined, 'admin.updateService', { body })
    return { ok: true, service: name }
  }

  async #removeService(body: JsonObject): Promise<AdminReply> {
    const service = this.#known(serviceName(body))
    await this.#changes.remove(service, 'admin.removeService', { body })
    return { ok: true, service: service.name }
  }

  async #addSecret(body: JsonObject, made?: Made): Promise<AdminReply> {
    const ref = secretRefOf(body)
    const secret = requiredText(body, 'secret')
    const { storage, book, services } = this.#needs
    const secrets = new DoorSecrets(this.#needs, made)
    if (secrets.stays(ref, made)) return { ok: true, secretRef: ref, stored: false }
    const naming = book.services().filter(({ definition }) => definition.secretRef === ref)
    const natives = naming.flatMap(({ id }) => services.byId(id) ?? [])
    await storage.write(async (tx) => {
      await secrets.put(ref, secret, natives, 'SECRET_INVALID', tx)
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
        await new DoorSecrets(this.#needs).remove(ref, tx)
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
      await this.#changes.add(template, definition, secret, 'admin.loadTemplate', facts)
    } else {
      const { allowedAgents: _, baseUrl: __, ...rest } = form
      const definition = readService(
        merged(merged(known.definition as unknown as JsonObject, rest), given) as JsonObject,
      )
      await this.#changes.replace(known, definition, secret, 'admin.loadTemplate', facts)
    }
    return { ok: true, service: template, template, secretConfigured: secret !== undefined }
  }

  #known(name: string): CompiledService {
    const service = this.#needs.book.service(name)
    if (service === undefined) throw refused('UNKNOWN_SERVICE')
    return service
  }
}

const TEMPLATE_FIELDS = new Set(['template', 'masterSecret', 'allowedAgents', 'baseUrl'])
