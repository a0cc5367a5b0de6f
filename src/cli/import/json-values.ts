// The strings of a JSON or JSON5 text, each with its path and its place, so that one can be replaced and nothing besides.
import type { DocumentNode, ValueNode } from '@humanwhocodes/momoa'
import { cliProblem } from '../problems.ts'
import type { Source } from './read-source.ts'

export interface JsonString {
  readonly path: readonly string[]
  readonly value: string
  /** Characters, quotes included. */
  readonly start: number
  readonly end: number
}

/** Deeper than any configuration goes; the parser itself would run out of stack at some thousands. */
const DEEPEST = 200

/** The text as a tree. Throws Problem `file_unreadable` for what is no JSON5, without a word of the text. */
export async function parseJson5({ named, text }: Source): Promise<DocumentNode> {
  const { parse } = await import('@humanwhocodes/momoa')
  const bom = text.startsWith('\ufeff') ? ' ' : ''
  try {
    return parse(bom === '' ? text : bom + text.slice(1), { mode: 'json5', ranges: true })
  } catch (error) {
    const { line } = error as { line?: number }
    const at = line === undefined ? '' : ` (line ${line})`
    throw cliProblem('file_unreadable', { detail: `${named} is not JSON${at}.` })
  }
}

export function stringsIn(document: DocumentNode): JsonString[] {
  const found: JsonString[] = []
  const visit = (node: ValueNode, path: readonly string[]): void => {
    if (path.length > DEEPEST) throw cliProblem('file_unreadable', { detail: 'It is nested too deep.' })
    if (node.type === 'String') found.push({ path, value: node.value, start: node.range![0], end: node.range![1] })
    if (node.type === 'Object') for (const member of node.members) visit(member.value, [...path, nameOf(member.name)])
    if (node.type === 'Array')
      for (const [index, element] of node.elements.entries()) visit(element.value, [...path, String(index)])
  }
  visit(document.body, [])
  return found
}

function nameOf(name: { type: string; value?: string; name?: string }): string {
  return (name.type === 'Identifier' ? name.name : name.value) ?? ''
}
