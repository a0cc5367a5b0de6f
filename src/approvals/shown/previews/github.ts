/** Calls of GitHub's REST API that change something: what, where, and in which words. */

import { sha256 } from '../body/decode-body.ts'
import { sniff } from '../body/sniff.ts'
import { plainFact } from '../fact.ts'
import type { Fact, Preview, Quoted, Warn } from '../shown.ts'
import { counted, visibleLine } from '../visible.ts'
import {
  type JsonObject,
  jsonOf,
  maybeFact,
  maybeQuote,
  member,
  type PreviewRequest,
  quote,
  textOf,
} from './request.ts'

interface Words {
  readonly title: string
  /** Members of the body that are facts. */
  readonly facts: readonly string[]
  /** Members of the body that are texts. */
  readonly texts?: readonly string[]
  readonly warning?: string
}

const REPO = '/repos/([^/]+/[^/]+)'
const route = (method: string, path: string, words: (found: readonly string[], body: JsonObject) => Words) => ({
  method,
  path: new RegExp(`^(?:/api/v3)?${path}$`),
  words,
})

const issueFacts = ['title', 'state', 'state_reason', 'assignees', 'labels', 'milestone', 'type']
const pullFacts = ['title', 'state', 'head', 'base', 'head_repo', 'draft', 'maintainer_can_modify', 'issue']
const releaseFacts = ['tag_name', 'target_commitish', 'name', 'draft', 'prerelease', 'make_latest']

/** `$1` is the repository; what follows, the parts of the path in brackets. */
const routes = [
  route('POST', `${REPO}/issues`, ([repo]) => ({
    title: `Open an issue in ${repo}`,
    facts: issueFacts,
    texts: ['body'],
  })),
  route('PATCH', `${REPO}/issues/([0-9]+)`, ([repo, number]) => ({
    title: `Change issue ${number} of ${repo}`,
    facts: issueFacts,
    texts: ['body'],
  })),
  route('POST', `${REPO}/issues/([0-9]+)/comments`, ([repo, number]) => ({
    title: `Comment on ${number} of ${repo}`,
    facts: [],
    texts: ['body'],
  })),
  route('PATCH', `${REPO}/(issues|pulls)/comments/([0-9]+)`, ([repo, , id]) => ({
    title: `Change comment ${id} in ${repo}`,
    facts: [],
    texts: ['body'],
  })),
  route('POST', `${REPO}/pulls`, ([repo, ,], body) => ({
    title: `Open a pull request in ${repo}: ${visibleLine(textOf(member(body, 'head')) ?? '?', 100)} into ${visibleLine(textOf(member(body, 'base')) ?? '?', 100)}`,
    facts: pullFacts,
    texts: ['body'],
  })),
  route('PATCH', `${REPO}/pulls/([0-9]+)`, ([repo, number]) => ({
    title: `Change pull request ${number} of ${repo}`,
    facts: pullFacts,
    texts: ['body'],
  })),
  route('POST', `${REPO}/pulls/([0-9]+)/reviews`, ([repo, number], body) => ({
    title: `Review pull request ${number} of ${repo}: ${visibleLine(textOf(member(body, 'event')) ?? 'PENDING', 40)}`,
    facts: ['event', 'commit_id'],
    texts: ['body'],
  })),
  route('POST', `${REPO}/pulls/([0-9]+)/comments`, ([repo, number]) => ({
    title: `Comment on the code of pull request ${number} of ${repo}`,
    facts: ['path', 'line', 'side', 'commit_id', 'in_reply_to'],
    texts: ['body'],
  })),
  route('PUT', `${REPO}/pulls/([0-9]+)/merge`, ([repo, number]) => ({
    title: `Merge pull request ${number} of ${repo}`,
    facts: ['merge_method', 'sha', 'commit_title'],
    texts: ['commit_message'],
  })),
  route('POST', `${REPO}/merges`, ([repo], body) => ({
    title: `Merge ${visibleLine(textOf(member(body, 'head')) ?? '?', 100)} into ${visibleLine(textOf(member(body, 'base')) ?? '?', 100)} in ${repo}`,
    facts: ['base', 'head'],
    texts: ['commit_message'],
  })),
  route('POST', `${REPO}/releases`, ([repo], body) => ({
    title: `Publish a release in ${repo}: ${visibleLine(textOf(member(body, 'tag_name')) ?? '?', 100)}`,
    facts: releaseFacts,
    texts: ['body'],
  })),
  route('PATCH', `${REPO}/releases/([0-9]+)`, ([repo, id]) => ({
    title: `Change release ${id} of ${repo}`,
    facts: releaseFacts,
    texts: ['body'],
  })),
  route('POST', `${REPO}/actions/workflows/([^/]+)/dispatches`, ([repo, name]) => ({
    title: `Run the workflow ${name} of ${repo}`,
    facts: ['ref', 'inputs'],
  })),
  route('POST', `${REPO}/dispatches`, ([repo]) => ({
    title: `Send an event to the workflows of ${repo}`,
    facts: ['event_type', 'client_payload'],
  })),
  route('PATCH', `${REPO}/git/refs/(.+)`, ([repo, ref], body) => ({
    title: `Move ${ref} of ${repo}${member(body, 'force') === true ? ', rewriting history' : ''}`,
    facts: ['sha', 'force'],
  })),
  route('DELETE', `${REPO}/git/refs/(.+)`, ([repo, ref]) => ({ title: `Delete ${ref} of ${repo}`, facts: [] })),
  route('PUT', `${REPO}/collaborators/([^/]+)`, ([repo, name]) => ({
    title: `Give ${name} access to ${repo}`,
    facts: ['permission'],
  })),
  route('PATCH', REPO, ([repo]) => ({
    title: `Change the settings of ${repo}`,
    facts: ['name', 'private', 'visibility', 'archived', 'default_branch', 'description'],
  })),
  route('DELETE', REPO, ([repo]) => ({
    title: `DELETE the repository ${repo}, with all that is in it`,
    facts: [],
    warning: 'This deletes a repository. It cannot be undone from here.',
  })),
]

export function previewGithub(request: PreviewRequest, warn: Warn): Preview | undefined {
  if (request.host !== 'api.github.com' && request.action.service.name !== 'github') return undefined
  const file = previewContents(request, warn)
  if (file !== undefined) return file
  for (const { method, path, words } of routes) {
    const found = request.action.method === method ? path.exec(request.path) : null
    if (found === null) continue
    const body = jsonOf(request)
    if (body === undefined && request.body !== undefined) return undefined
    const parts = found.slice(1).map((part) => visibleLine(unescapedPath(part), 300))
    const { title, facts, texts = [], warning } = words(parts, body ?? {})
    if (warning !== undefined) warn(warning)
    return { of: 'github', title, facts: membersOf(body, facts), texts: textsOf(body, texts) }
  }
  return undefined
}

function membersOf(body: JsonObject | undefined, names: readonly string[]): Fact[] {
  return names.flatMap((name) => maybeFact(name, member(body, name)) ?? [])
}

function textsOf(body: JsonObject | undefined, names: readonly string[]): Quoted[] {
  return names.flatMap((name) => maybeQuote(name, member(body, name)))
}

const CONTENTS = new RegExp(`^(?:/api/v3)?${REPO}/contents/(.+)$`)

/** A file written or deleted through the contents endpoint, its content decoded. */
function previewContents(request: PreviewRequest, warn: Warn): Preview | undefined {
  const { method } = request.action
  const [, repo, encoded] = CONTENTS.exec(request.path) ?? []
  if (repo === undefined || encoded === undefined || (method !== 'PUT' && method !== 'DELETE')) return undefined
  const body = jsonOf(request)
  if (body === undefined) return undefined
  const path = unescapedPath(encoded)
  if (/^\.github\/workflows\//i.test(path))
    warn('This changes a workflow: what it says runs with the keys of the repository.')
  const content = textOf(member(body, 'content'))
  const bytes = content === undefined ? undefined : Buffer.from(content, 'base64')
  const does = method === 'DELETE' ? 'Delete' : member(body, 'sha') === undefined ? 'Write' : 'Replace'
  const facts = [
    maybeFact('message', member(body, 'message')),
    maybeFact('branch', member(body, 'branch') ?? 'the default branch'),
    maybeFact('replaces the blob', member(body, 'sha')),
    maybeFact('committer', member(body, 'committer')),
    maybeFact('author', member(body, 'author')),
    bytes === undefined ? undefined : plainFact('content', `${counted(bytes.length)} bytes, SHA-256 ${sha256(bytes)}`),
  ]
  return {
    of: 'github',
    title: `${does} ${visibleLine(path, 300)} in ${visibleLine(unescapedPath(repo), 200)}`,
    facts: facts.filter((one) => one !== undefined),
    texts: bytes === undefined || method === 'DELETE' ? [] : [fileText(path, bytes)],
  }
}

function fileText(path: string, bytes: Buffer): Quoted {
  if (!bytes.subarray(0, 8_192).includes(0)) return quote(path, bytes.toString('utf8'))
  return { name: visibleLine(path, 300), lines: [`binary, begins as: ${sniff(bytes)}`] }
}

function unescapedPath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
