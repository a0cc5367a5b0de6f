// Reads a service in the vault's form (§1.6, §3), with the contract's code for each thing that may be wrong.
import {
  comparableName,
  isCredentialHeader,
  isForwardedHeader,
  isHeaderName,
  isHeaderValue,
  isHopByHop,
  isMethodOverride,
} from '../../ground/header-names.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import { HANDLE_PATTERN } from '../../vault/contract.ts'
import type { Endpoint, JsonObject, VaultService } from './contract.ts'
import { nativeTemplate, splitBase } from './native-service.ts'
import { refused } from './refusal.ts'

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/
const BASE_URL = /^https?:\/\/[^/?#@\s\\{}]+(?:\/[^?#\s\\{}]*)?$/i
const SCHEME = /^[A-Za-z0-9._~+/-]{1,64}$/
const METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])
const FORM = new Set([
  'baseUrl',
  'secretRef',
  'authHeader',
  'authScheme',
  'allowedAgents',
  'allowedActions',
  'allowedScopes',
  'agentScopes',
  'endpoints',
])
const ENDPOINT = new Set(['method', 'path', 'requiredScope', 'headers', 'multiSegment', 'description'])
const MOST = 512
const MAX_TEXT = 512

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Absent, null and empty are the same. Throws `<FIELD>_REQUIRED`, `<FIELD>_INVALID`. */
export function requiredText(form: JsonObject, field: string, name = field): string {
  const value = form[field]
  if (value === undefined || value === null || value === '') throw refused(`${name.toUpperCase()}_REQUIRED`)
  if (typeof value !== 'string') throw refused(`${name.toUpperCase()}_INVALID`)
  return value
}

/** Throws `SERVICE_REQUIRED`, `SERVICE_INVALID`. */
export function serviceName(form: JsonObject): string {
  const name = requiredText(form, 'service')
  if (!NAME.test(name)) throw refused('SERVICE_INVALID')
  return name
}

/** Throws `SECRETREF_REQUIRED`, `SECRETREF_INVALID`. */
export function secretRefOf(form: JsonObject): string {
  const ref = requiredText(form, 'secretRef')
  if (!HANDLE_PATTERN.test(ref)) throw refused('SECRETREF_INVALID')
  return ref
}

/** A name that means nothing is a typing error, and what was meant by it may have been a limit: `FIELD_NOT_ALLOWED:<key>`. */
export function refuseUnknown(form: JsonObject, also: readonly string[]): void {
  for (const key of Object.keys(form)) {
    if (!FORM.has(key) && !also.includes(key)) throw refused(`FIELD_NOT_ALLOWED:${key.slice(0, 64)}`)
  }
}

/** `field`: how the codes call a field, which is other in templates. */
export function readService(form: JsonObject, field = (name: string) => name): VaultService {
  const baseUrl = requiredText(form, 'baseUrl', field('baseUrl'))
  if (!BASE_URL.test(baseUrl)) throw refused('BASEURL_INVALID')
  const service = {
    baseUrl,
    allowedAgents: texts(form, 'allowedAgents', field('allowedAgents')),
    allowedActions: texts(form, 'allowedActions', field('allowedActions')),
    allowedScopes: texts(form, 'allowedScopes', field('allowedScopes')),
    endpoints: readEndpoints(form.endpoints, splitBase(baseUrl).path),
  }
  const secretRef = optionalText(form, 'secretRef', HANDLE_PATTERN)
  const authHeader = optionalText(form, 'authHeader', /^[A-Za-z0-9!#$%&'*+.^`|~-]{1,64}$/)
  const authScheme = optionalText(form, 'authScheme', SCHEME)
  const agentScopes = readAgentScopes(form.agentScopes)
  return {
    ...service,
    ...(secretRef !== undefined && { secretRef }),
    ...(authHeader !== undefined && { authHeader }),
    ...(authScheme !== undefined && { authScheme }),
    ...(agentScopes !== undefined && { agentScopes }),
  }
}

function optionalText(form: JsonObject, field: string, pattern: RegExp): string | undefined {
  const value = form[field]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string' || !pattern.test(value)) throw refused(`${field.toUpperCase()}_INVALID`)
  return value
}

function texts(form: JsonObject, field: string, name: string): readonly string[] {
  const value = form[field]
  if (!Array.isArray(value) || value.length === 0) throw refused(`${name.toUpperCase()}_REQUIRED`)
  if (!areTexts(value)) throw refused(`${name.toUpperCase()}_INVALID`)
  return [...new Set(value)]
}

function areTexts(value: JsonValue | undefined): value is string[] {
  const fits = (item: JsonValue) => typeof item === 'string' && item.trim() !== '' && item.length <= MAX_TEXT
  return Array.isArray(value) && value.length <= MOST && value.every(fits)
}

function readAgentScopes(value: JsonValue | undefined): Record<string, readonly string[]> | undefined {
  if (value === undefined || value === null) return undefined
  if (!isObject(value) || !Object.keys(value).every((agent) => /^[\x21-\x7e]{1,128}$/.test(agent))) {
    throw refused('AGENTSCOPES_INVALID')
  }
  const entries = Object.entries(value).map(([agent, scopes]) => {
    if (!areTexts(scopes)) throw refused('AGENTSCOPES_INVALID')
    return [agent, [...new Set(scopes)]] as const
  })
  return Object.fromEntries(entries)
}

function readEndpoints(value: JsonValue | undefined, base: string): Record<string, Endpoint> {
  if (!isObject(value) || Object.keys(value).length === 0) throw refused('ENDPOINTS_REQUIRED')
  const entries = Object.entries(value)
  if (entries.length > MOST) throw refused('ENDPOINTS_INVALID')
  return Object.fromEntries(entries.map(([name, endpoint]) => [name, readEndpoint(name, endpoint, base)]))
}

function readEndpoint(name: string, value: JsonValue, base: string): Endpoint {
  if (!NAME.test(name)) throw refused('ENDPOINT_NAME_INVALID')
  const invalid = refused(`ENDPOINT_INVALID:${name}`)
  if (!isObject(value) || Object.keys(value).some((key) => !ENDPOINT.has(key))) throw invalid
  const method = requiredText(value, 'method', `ENDPOINT.${name}.METHOD`).toUpperCase()
  const path = requiredText(value, 'path', `ENDPOINT.${name}.PATH`)
  const { requiredScope = [], multiSegment = [] } = value
  if (!areTexts(requiredScope)) throw refused(`ENDPOINT_REQUIRED_SCOPE_INVALID:${name}`)
  const headers = readHeaders(value.headers)
  if (headers === undefined || !METHODS.has(method) || !areTexts(multiSegment)) throw invalid
  const endpoint = { method, path, requiredScope: [...new Set(requiredScope)], headers, multiSegment }
  try {
    nativeTemplate(base, endpoint)
  } catch {
    throw invalid
  }
  return endpoint
}

/** Undefined for headers that cannot be sent, or that say what the gateway says. */
function readHeaders(value: JsonValue | undefined): Record<string, string> | undefined {
  if (value === undefined || value === null) return {}
  if (!isObject(value)) return undefined
  const headers: Record<string, string> = {}
  for (const [name, text] of Object.entries(value)) {
    const plain = comparableName(name)
    const framing = plain === 'host' || plain === 'content-length' || isHopByHop(plain) || isForwardedHeader(plain)
    if (typeof text !== 'string' || !isHeaderName(name) || !isHeaderValue(text)) return undefined
    if (framing || isCredentialHeader(plain) || isMethodOverride(plain)) return undefined
    headers[name.toLowerCase()] = text
  }
  return headers
}

/** `null` removes a member, objects are merged, arrays and all else replaced. */
export function merged(old: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch
  const result: JsonObject = isObject(old) ? { ...old } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]
    else result[name] = merged(result[name], value)
  }
  return result
}

/** A master secret without a reference gets one. */
export function withRef(name: string, definition: VaultService, { masterSecret }: JsonObject): VaultService {
  if (masterSecret === undefined || masterSecret === null || definition.secretRef !== undefined) return definition
  return { ...definition, secretRef: `${name}_secret`.slice(-64) }
}

export function masterSecretOf(body: JsonObject): string | undefined {
  const { masterSecret } = body
  if (masterSecret === undefined || masterSecret === null) return undefined
  return requiredText(body, 'masterSecret')
}
