// The five templates that the contract names (§4), made of those that come with the house.

import type { ServiceTemplate } from '../../services/service-template.ts'
import { findTemplate } from '../../services/templates/catalogue.ts'
import { ISSUE, type JsonObject } from './contract.ts'

/** GitHub's actions are the contract's own; of the others those are offered that cannot do great harm. */
const GITHUB: readonly string[] = [
  'repos.list',
  'repo.get',
  'contents.get',
  'contents.create_or_update',
  'branches.list',
  'branches.get',
  'refs.get',
  'refs.create',
  'refs.update',
  'commits.list',
  'commits.get',
  'blobs.create',
  'trees.create',
  'git_commits.create',
  'issues.list',
  'issues.get',
  'issues.create',
  'pulls.list',
  'pulls.get',
  'pulls.create',
  'pulls.merge',
  'pulls.files',
]

const NAMES = ['anthropic', 'github', 'openai', 'shopify', 'stripe']

export function templateNames(): readonly string[] {
  return NAMES
}

/** The template as a service in the vault's form, open to every agent; undefined for none of that name. */
export function templateForm(name: string): JsonObject | undefined {
  if (!NAMES.includes(name)) return undefined
  const template = findTemplate(name)
  const chosen = Object.entries(template.actions).filter(([action, { risk }]) => {
    return name === 'github' ? GITHUB.includes(action) : risk !== 'high'
  })
  const scopes = new Set(chosen.flatMap(([, action]) => action.scopes))
  return {
    baseUrl: baseUrlOf(template),
    secretRef: template.credential?.handle ?? `${name}_key`,
    ...authOf(template),
    allowedAgents: ['*'],
    allowedActions: [ISSUE, ...chosen.map(([action]) => action)],
    allowedScopes: [...scopes],
    endpoints: Object.fromEntries(chosen.map(([action, told]) => [action, endpointOf(told)])),
  }
}

/** Which shop it is nobody said: until `updateService` or `baseUrl` does, the name is one that never resolves (RFC 6761). */
function baseUrlOf({ origins }: ServiceTemplate): string {
  const origin = origins[0] as string
  return origin.includes('{') ? 'https://base-url-wanted.invalid' : origin
}

function authOf({ injection }: ServiceTemplate): JsonObject {
  if (injection.kind === 'header') return { authHeader: injection.name }
  if (injection.kind !== 'template') return {}
  return { authHeader: injection.name, authScheme: injection.template.split(' ', 1)[0] as string }
}

function endpointOf({ method, path, scopes, headers }: ServiceTemplate['actions'][string]): JsonObject {
  const several = [...path.matchAll(/\{\+(\w+)/g)].map(([, name]) => name as string)
  return {
    method,
    path: path.replace(/\{\+?(\w+)(?::[a-z,]+)?\}/g, '{$1}'),
    requiredScope: [...scopes],
    ...(headers !== undefined && { headers: { ...headers } }),
    ...(several.length > 0 && { multiSegment: several }),
  }
}
