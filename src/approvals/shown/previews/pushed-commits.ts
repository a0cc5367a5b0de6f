/** The commits of a push in words: who, what for, which files. */
import {
  type ChangedFile,
  type Changes,
  changedFiles,
  placelessTrees,
  type WalkBudget,
  walkBudget,
} from '../git/changed-files.ts'
import { DeltaError, insertedBy, readDeltaHead } from '../git/delta.ts'
import { type Commit, readCommit } from '../git/objects.ts'
import type { ForeignDelta, Pack } from '../git/read-pack.ts'
import type { Quoted, Warn } from '../shown.ts'
import { counted, plural, visibleLine, visibleLines } from '../visible.ts'

export interface PushedCommit {
  readonly id: string
  readonly commit: Commit
}

const MAX_COMMITS = 50
const MAX_FILES = 200
const MAX_FOREIGN = 20
const MAX_UNKNOWN = 30
const messageLimits = { characters: 2_000, lines: 40, perLine: 400 }
const insertedLimits = { characters: 2_000, lines: 60, perLine: 400 }

const UNSEEN = "its files cannot be seen: the push holds only how their list differs from the server's"

const statuses = { A: 'new', M: 'changed', D: 'deleted', '?': 'changed or new' } as const

export function quoteCommits(
  commits: readonly PushedCommit[],
  pack: Pack,
  hash: 'sha1' | 'sha256',
  warn: Warn,
): Quoted[] {
  const budget = walkBudget()
  const idLength = hash === 'sha1' ? 20 : 32
  const paths: string[] = []
  const texts = commits.slice(0, MAX_COMMITS).map(({ id, commit }): Quoted => {
    const before = treeBefore(commit, pack)
    const changes = changedFiles(pack.objects, before, commit.tree, idLength, budget)
    paths.push(...changes.files.map(({ path }) => path))
    const message = visibleLines(commit.message.trimEnd(), messageLimits)
    return {
      name: `commit ${id}`,
      lines: [
        ...peopleOf(commit),
        ...message.lines.map((line) => `    ${line}`),
        ...(message.cut === undefined ? [] : [`    ${message.cut}`]),
        ...filesOf(changes),
      ],
    }
  })
  const more = commits.length - texts.length
  if (more > 0) texts.push({ name: 'commits', lines: [`… and ${plural(more, 'more commit')}`] })
  else texts.push(...placeless(pack, idLength, budget, paths))
  if (texts.some(({ lines }) => lines.includes(UNSEEN))) {
    warn('Which files the push changes can be seen only in part: it holds changes of lists that only the server has.')
  }
  if (paths.some((path) => BUILDS.test(path))) warn('The push changes what a build server runs.')
  return texts
}

const BUILDS = /(?:^|\/)(?:workflows\/[^/]+\.ya?ml$|\.gitlab-ci|Jenkinsfile|\.circleci\/|azure-pipelines)/i

/** Folders of the pack that are in no list of it, as the lists above them are changes of what the server has. */
function placeless(pack: Pack, idLength: number, budget: WalkBudget, paths: string[]): Quoted[] {
  const trees = placelessTrees(pack.objects, idLength, budget)
  const texts = trees.slice(0, MAX_COMMITS).map((id): Quoted => {
    const changes = changedFiles(pack.objects, undefined, id, idLength, budget)
    paths.push(...changes.files.map(({ path }) => path))
    return { name: `a folder whose place cannot be seen, ${id}`, lines: filesOf(changes) }
  })
  const more = trees.length - texts.length
  return more > 0 ? [...texts, { name: 'folders', lines: [`… and ${plural(more, 'more')}`] }] : texts
}

/** Null for a commit without parents, undefined where the parent is not in the pack. */
function treeBefore(commit: Commit, pack: Pack): string | null | undefined {
  const [parent] = commit.parents
  if (parent === undefined) return null
  const object = pack.objects.get(parent)
  return object?.type === 'commit' ? readCommit(object.bytes)?.tree : undefined
}

function peopleOf({ author, committer, parents, signed }: Commit): string[] {
  const when = (seconds: number | undefined) =>
    seconds === undefined ? '' : `, ${new Date(seconds * 1000).toISOString()}`
  const lines = [`author ${visibleLine(author.name, 200)}${when(author.seconds)}`]
  if (committer.name !== author.name)
    lines.push(`committer ${visibleLine(committer.name, 200)}${when(committer.seconds)}`)
  if (parents.length > 1) lines.push(`merges ${plural(parents.length, 'commit')}; files are compared with the first`)
  if (signed) lines.push('carries a signature, which is not checked here')
  return lines
}

function filesOf(changes: Changes): string[] {
  const lines = changes.files.slice(0, MAX_FILES).map(lineOf)
  const more = changes.files.length - lines.length
  if (more > 0) lines.push(`… and ${plural(more, 'more file')}`)
  if (changes.more) lines.push('… and more than is gone through here')
  for (const folder of changes.unseen.slice(0, 20)) {
    lines.push(
      folder === ''
        ? UNSEEN
        : `the files in ${visibleLine(folder, 300)} cannot be seen: their list differs from the server's`,
    )
  }
  if (changes.unseen.length > 20) lines.push(`… and ${plural(changes.unseen.length - 20, 'more folder')} like that`)
  const { unknown } = changes
  if (unknown.length > 0) {
    const some = unknown.slice(0, MAX_UNKNOWN).map((path) => visibleLine(path, 200))
    const others = unknown.length > MAX_UNKNOWN ? ` and ${plural(unknown.length - MAX_UNKNOWN, 'other')}` : ''
    lines.push(`beside these, unchanged, moved, or changed on what the server has: ${some.join(', ')}${others}`)
  }
  return lines
}

function lineOf({ status, path, mode, size }: ChangedFile): string {
  const kind =
    mode === '120000' ? ', a link' : mode === '160000' ? ', a submodule' : mode === '100755' ? ', can be run' : ''
  const length = size === undefined ? '' : `, ${plural(size, 'byte')}`
  return `${statuses[status]}: ${visibleLine(path, 400)}${length}${kind}`
}

/** What deltas write into objects that are not in the push. */
export function quoteForeign(pack: Pack): Quoted[] {
  const texts = pack.foreign.slice(0, MAX_FOREIGN).map(quoteDelta)
  const more = pack.foreign.length - texts.length
  if (more > 0) texts.push({ name: 'changes of what the server has', lines: [`… and ${plural(more, 'more object')}`] })
  return texts
}

const NAMES = /(?:100644|100755|120000|160000|40000) ([^\0/]{1,255})\0/g

function quoteDelta({ base, delta }: ForeignDelta): Quoted {
  try {
    const { baseSize, resultSize } = readDeltaHead(delta)
    const bytes = insertedBy(delta)
    const name = `change of the server's object ${base}, ${counted(baseSize)} to ${counted(resultSize)} bytes`
    const all = Buffer.concat(bytes)
    const text = bytes.map((one) => one.toString('utf8')).join('\n')
    if (!text.includes('\0') && !text.includes('\ufffd')) return { name, ...visibleLines(text, insertedLimits) }
    const names = [...all.toString('utf8').matchAll(NAMES)].map(([, one]) => visibleLine(one!, 300))
    const lines = names.slice(0, 100).map((one) => `names ${one}`)
    return {
      name,
      lines: lines.length > 0 ? lines : [`${plural(all.length, 'byte')} written into it that are not text`],
    }
  } catch (error) {
    if (!(error instanceof DeltaError)) throw error
    return { name: `change of the server's object ${base}`, lines: ['could not be read'] }
  }
}
