// What a schema found wrong, in words for people who never saw the schema.

/** What zod says of one thing. */
export interface SchemaIssue {
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly code?: string | undefined
  readonly errors?: readonly (readonly SchemaIssue[])[]
  readonly expected?: unknown
  readonly values?: unknown
  readonly minimum?: unknown
  readonly maximum?: unknown
  readonly origin?: unknown
  readonly keys?: unknown
  readonly issues?: unknown
  readonly options?: unknown
  readonly pattern?: unknown
  readonly format?: unknown
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text in quotes',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}
const units: Readonly<Record<string, string>> = { string: ' characters', array: ' entries', record: ' members' }

/** A sentence without its subject: `is missing`, `must be one of "GET", "PUT"`. What a schema says itself is taken as it is. */
export function plainIssue(issue: SchemaIssue): string {
  if (!/^(Invalid|Too|Unrecognized)\b/.test(issue.message)) return issue.message
  if (issue.message.endsWith('received undefined')) return 'is missing'
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[String(issue.expected)] ?? String(issue.expected)}`
    case 'invalid_value':
      return oneOf(issue.values)
    case 'too_small':
      return `must have at least ${String(issue.minimum)}${units[String(issue.origin)] ?? ''}`
    case 'too_big':
      return `may have at most ${String(issue.maximum)}${units[String(issue.origin)] ?? ''}`
    case 'unrecognized_keys':
      return `has no member ${(issue.keys as string[]).map((key) => `'${key}'`).join(', ')}`
    case 'invalid_key':
      return `cannot be called that: ${plainIssue((issue.issues as SchemaIssue[])[0] ?? { path: [], message: 'not a name' })}`
    case 'invalid_union':
      return Array.isArray(issue.options) ? oneOf(issue.options) : 'is of none of the shapes that it may have'
    case 'invalid_format':
      return `must be of the form ${String(issue.pattern ?? issue.format)}`
    default:
      return issue.message
  }
}

function oneOf(values: unknown): string {
  const all = (values as unknown[]).map((value) => JSON.stringify(value))
  return all.length === 1 ? `must be ${all[0]}` : `must be one of ${all.join(', ')}`
}

/** RFC 6901. */
export function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
