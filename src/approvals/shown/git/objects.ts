/** Commits, tags and trees as git writes them. Undefined, or as far as it can be read, where they are not so. */

export interface Commit {
  readonly tree: string
  readonly parents: readonly string[]
  /** `Name <mail>`, and the time in seconds since 1970. */
  readonly author: Person
  readonly committer: Person
  readonly signed: boolean
  readonly message: string
}

export interface Person {
  readonly name: string
  readonly seconds: number | undefined
}

export interface TreeEntry {
  readonly mode: string
  readonly name: string
  readonly id: string
}

const MAX_PARENTS = 100

export function readCommit(bytes: Buffer): Commit | undefined {
  const { fields, message } = readHeader(bytes)
  const tree = fields.find(([name]) => name === 'tree')?.[1]
  if (tree === undefined) return undefined
  const parents = fields.filter(([name]) => name === 'parent').map(([, value]) => value)
  return {
    tree,
    parents: parents.slice(0, MAX_PARENTS),
    author: readPerson(fields.find(([name]) => name === 'author')?.[1]),
    committer: readPerson(fields.find(([name]) => name === 'committer')?.[1]),
    signed: fields.some(([name]) => name.startsWith('gpgsig')),
    message,
  }
}

export interface Tag {
  readonly object: string
  readonly tagger: Person
  readonly message: string
}

export function readTag(bytes: Buffer): Tag | undefined {
  const { fields, message } = readHeader(bytes)
  const object = fields.find(([name]) => name === 'object')?.[1]
  return object === undefined
    ? undefined
    : { object, tagger: readPerson(fields.find(([name]) => name === 'tagger')?.[1]), message }
}

function readHeader(bytes: Buffer): { readonly fields: (readonly [string, string])[]; readonly message: string } {
  const empty = bytes.indexOf('\n\n')
  const head = bytes.toString('utf8', 0, empty < 0 ? Math.min(bytes.length, 65_536) : Math.min(empty, 65_536))
  const fields = head
    .split('\n')
    .filter((line) => !line.startsWith(' '))
    .map((line) => {
      const space = line.indexOf(' ')
      return [line.slice(0, space), line.slice(space + 1)] as const
    })
  return { fields, message: empty < 0 ? '' : bytes.toString('utf8', empty + 2) }
}

function readPerson(value: string | undefined): Person {
  const [, name, seconds] = /^(.*) ([0-9]{1,12}) [+-][0-9]{4}$/s.exec(value ?? '') ?? []
  return { name: name ?? value ?? 'nobody', seconds: seconds === undefined ? undefined : Number(seconds) }
}

/** The entries up to the first that is broken. */
export function readTree(bytes: Buffer, idLength: number): TreeEntry[] {
  const entries: TreeEntry[] = []
  let at = 0
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at)
    const zero = bytes.indexOf(0, space)
    if (space < 0 || space - at > 7 || zero < 0 || zero + 1 + idLength > bytes.length) break
    entries.push({
      mode: bytes.toString('latin1', at, space),
      name: bytes.toString('utf8', space + 1, zero),
      id: bytes.toString('hex', zero + 1, zero + 1 + idLength),
    })
    at = zero + 1 + idLength
  }
  return entries
}
