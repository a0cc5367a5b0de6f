// What the shape of a template has wrong, and the template without it: so that one look says all that is wrong.
import { plainIssue, pointerTo, type SchemaIssue } from '../ground/plain-issue.ts'

/** Something wrong with a template: where, and what. */
export interface TemplateIssue {
  /** A JSON pointer (RFC 6901); empty for the whole. */
  readonly at: string
  readonly wrong: string
  /** What to do, where that is not what is wrong turned around. */
  readonly hint?: string
}

/** For a choice between shapes, the complaints about the one that comes nearest; each unknown member by itself. */
export function shapeIssues(found: readonly SchemaIssue[], above: readonly PropertyKey[] = []): TemplateIssue[] {
  return found.flatMap((issue): TemplateIssue[] => {
    const path = [...above, ...issue.path]
    const choices = (issue.errors ?? []).filter((choice) => choice.length > 0)
    const nearest = choices.sort((one, other) => depth(other) - depth(one) || one.length - other.length)[0]
    if (nearest !== undefined) return shapeIssues(nearest, path)
    if (issue.code !== 'unrecognized_keys') return [{ at: pointerTo(path), wrong: plainIssue(issue) }]
    return (issue.keys as string[]).map((key) => ({
      at: pointerTo([...path, key]),
      wrong: 'is no member that is known here',
    }))
  })
}

function depth(issues: readonly SchemaIssue[]): number {
  return Math.max(...issues.map(({ path, code }) => path.length + (code === 'unrecognized_keys' ? 1 : 0)))
}

/** Members of which one part can be wrong and the others are still worth a look. */
const parted = new Set(['actions', 'scopes', 'variables', 'origins', 'paths', 'addresses'])

/** What is left when everything is taken out that has the wrong shape: each member that is there is whole. */
export function withoutIssues(value: unknown, found: readonly SchemaIssue[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  const rest: Record<string, unknown> = { ...value }
  for (const { path, code, keys } of found) {
    const [member, part] = path.map(String)
    if (member === undefined) {
      if (code === 'unrecognized_keys') for (const key of keys as string[]) delete rest[key]
    } else if (part === undefined || !parted.has(member)) delete rest[member]
    else rest[member] = without(rest[member], part)
  }
  for (const member of ['origins', 'paths', 'addresses'])
    if (Array.isArray(rest[member])) rest[member] = rest[member].filter((one) => one !== undefined)
  return rest
}

/** A list keeps its places, for other parts to be taken out of. */
function without(whole: unknown, part: string): unknown {
  if (Array.isArray(whole)) return whole.map((one, index) => (String(index) === part ? undefined : one))
  if (typeof whole !== 'object' || whole === null) return whole
  return Object.fromEntries(Object.entries(whole).filter(([name]) => name !== part))
}
