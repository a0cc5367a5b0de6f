// A service of the vault in the words of the house: origins, injection, and one action for each method and path.
import { compileTemplate } from '../../ground/path-template.ts'
import { parseScope } from '../../policy/scope.ts'
import type { ServiceInput } from '../../services/contract.ts'
import type { Endpoint, VaultService } from './contract.ts'

/** AV-17: what the original waits for without end. */
const TIMEOUTS = { connectMs: 30_000, headersMs: 120_000, idleMs: 120_000 }
const MAX_SCOPES = 8

/** Names are the vault's own to spell; the house writes them in lower case. */
export function nativeName(name: string): string {
  return name.toLowerCase()
}

/** Origin and path of a base URL, the path without a slash at its end. */
export function splitBase(baseUrl: string): { readonly origin: string; readonly path: string } {
  const parts = /^(https?:\/\/[^/]+)(\/.*)?$/i.exec(baseUrl)
  const [, origin = '', path = ''] = parts ?? []
  return { origin, path: path.replace(/\/+$/, '') }
}

/**
 * The path template of an endpoint as the house writes it: what is fixed between two parameters stays, or the scope would
 * cover more than the action. Two endpoints of one method with the same template are one action there. Throws Problem
 * `template_invalid`, also where the house cannot say it: parameters side by side, and several segments behind anything.
 */
export function nativeTemplate(base: string, { path, multiSegment }: Endpoint): string {
  const text = `${base}${path.startsWith('/') ? '' : '/'}${path}`.split('?', 1)[0] as string
  let count = 0
  const native = text.replace(/\{(\w+)\}/g, (_, name: string) => {
    count += 1
    return `{${multiSegment.includes(name) ? '+' : ''}p${count}}`
  })
  return compileTemplate(native).text
}

/** Which action of the house each endpoint is: the first of those that have its method and template. */
export function nativeActionNames(definition: VaultService): ReadonlyMap<string, string> {
  const { path } = splitBase(definition.baseUrl)
  const firsts = new Map<string, string>()
  const names = new Map<string, string>()
  for (const [name, endpoint] of Object.entries(definition.endpoints)) {
    const key = `${endpoint.method} ${nativeTemplate(path, endpoint)}`
    const first = firsts.get(key) ?? name
    firsts.set(key, first)
    names.set(name, first)
  }
  return names
}

/** `addresses`: ranges beyond the public network that the operator lets services of this door have. */
export function nativeService(name: string, definition: VaultService, addresses: readonly string[]): ServiceInput {
  const { origin, path } = splitBase(definition.baseUrl)
  const own = nativeName(name)
  const names = nativeActionNames(definition)
  const actions = Object.entries(definition.endpoints).filter(([each]) => names.get(each) === each)
  return {
    name: own,
    origins: [origin],
    injection: injectionOf(definition),
    actions: Object.fromEntries(
      actions.map(([each, endpoint]) => [
        each,
        {
          method: endpoint.method as 'GET',
          path: nativeTemplate(path, endpoint),
          ...scopesOf(own, endpoint.requiredScope),
        },
      ]),
    ),
    paths: path === '' ? ['/', '/{+path}'] : [path, `${path}/{+path}`],
    timeouts: TIMEOUTS,
    ...(addresses.length > 0 && isInside(origin) && { addresses: [...addresses] }),
  }
}

/** Scopes as the house knows them, where the vault's are of that form and of this service; else the class of the method. */
function scopesOf(service: string, required: readonly string[]): { scopes?: string[] } {
  const native = required.length <= MAX_SCOPES && required.every((scope) => isNative(service, scope))
  return native && required.length > 0 ? { scopes: [...required] } : {}
}

export function isNative(service: string, text: string): boolean {
  try {
    const scope = parseScope(text)
    return scope.service === service && !scope.words.some((word) => word === '*')
  } catch {
    return false
  }
}

function injectionOf({ secretRef, authHeader, authScheme }: VaultService): NonNullable<ServiceInput['injection']> {
  if (secretRef === undefined) return { kind: 'none' }
  const name = authHeader ?? 'Authorization'
  const authorization = name.toLowerCase() === 'authorization'
  const scheme = authScheme ?? (authorization ? 'Bearer' : undefined)
  if (scheme === undefined) return { kind: 'header', name }
  if (authorization && scheme === 'Bearer') return { kind: 'bearer' }
  return { kind: 'template', name, template: `${scheme} {secret}` }
}

/** An address, or a name that the public network does not have: only those may be given addresses of their own. */
function isInside(origin: string): boolean {
  const host = origin.replace(/^https?:\/\//i, '').replace(/:\d+$/, '')
  const address = /^\[|^[0-9.]+$/.test(host)
  return address || !host.includes('.') || /\.(?:local|internal|localhost|lan|home|corp|private|intranet)$/i.test(host)
}
