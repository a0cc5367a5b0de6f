// .netrc: words between white space; `machine HOST login NAME password SECRET`, macros up to an empty line, comments.
import { Secret } from '../../ground/secret.ts'
import type { Around } from './around.ts'
import { type Findings, type Found, lineAt } from './found.ts'
import type { Source } from './read-source.ts'
import { isSecretValue } from './secret-looks.ts'

interface Word {
  readonly text: string
  readonly start: number
  readonly end: number
}

export function findInNetrc(source: Source, { serviceAt }: Around): Findings {
  const words = wordsIn(source.text)
  const found: Found[] = []
  let [host, login] = ['', '']
  words.forEach(({ text }, index) => {
    const next = words[index + 1]
    if (text === 'machine' || text === 'default')
      [host, login] = [text === 'machine' ? (next?.text ?? '') : 'default', '']
    if (text === 'login') login = next?.text ?? ''
    if (text !== 'password' || next === undefined || !isSecretValue(next.text)) return
    const user = login || loginAfter(words, index + 2)
    found.push({
      source,
      place: `${host} password`,
      label: user === '' ? 'password' : user,
      line: lineAt(source.text, next.start),
      secret: Secret.fromText(next.text),
      service: serviceAt(host),
      ...(user !== '' && { meta: { username: user } }),
      rewrite: ({ handle }) => [{ start: next.start, end: next.end, text: `claviger:${handle}` }],
    })
  })
  return { found, remarks: [] }
}

/** The login may follow its password. */
function loginAfter(words: readonly Word[], from: number): string {
  for (let at = from; at < words.length; at += 2) {
    const text = words[at]?.text
    if (text === 'login') return words[at + 1]?.text ?? ''
    if (text === 'machine' || text === 'default' || text === 'macdef') return ''
  }
  return ''
}

function wordsIn(text: string): Word[] {
  const words: Word[] = []
  const pattern = /#[^\n]*|"((?:\\.|[^"\\\n])*)"|\S+/g
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [whole, quoted] = match
    if (whole.startsWith('#') && isLineStart(text, match.index)) continue
    if (whole === 'macdef') {
      const end = text.indexOf('\n\n', match.index)
      pattern.lastIndex = end === -1 ? text.length : end
      continue
    }
    const value = quoted === undefined ? whole : quoted.replace(/\\(.)/g, '$1')
    words.push({ text: value, start: match.index, end: match.index + whole.length })
  }
  return words
}

/** A `#` elsewhere may be a password's. */
function isLineStart(text: string, at: number): boolean {
  return /(^|\n)[ \t]*$/.test(text.slice(Math.max(0, text.lastIndexOf('\n', at - 1)), at))
}
