// Sections and NAME = value lines, comments with # or ;, as .npmrc and the files of AWS have them.

export interface IniLine {
  readonly section: string
  readonly name: string
  readonly value: string
  /** Counted from 1. */
  readonly line: number
  /** Where the name begins; where the value stands, quotes included. */
  readonly nameStart: number
  readonly start: number
  readonly end: number
}

export function iniLines(text: string): IniLine[] {
  const found: IniLine[] = []
  let section = ''
  let start = 0
  text.split('\n').forEach((line, index) => {
    const [, name] = /^\s*\[([^\]]*)\]/.exec(line) ?? []
    if (name !== undefined) section = name.trim()
    const [, indent = '', head = '', key = '', raw = ''] = /^(\s*)(([^#;=\s[][^=]*?)\s*=\s*)(.*?)\s*$/.exec(line) ?? []
    if (key !== '') {
      const quoted = /^"([^"\\]*)"$|^'([^'\\]*)'$/.exec(raw)
      const value = quoted?.[1] ?? quoted?.[2] ?? raw
      const nameStart = start + indent.length
      const at = nameStart + head.length
      found.push({ section, name: key, value, line: index + 1, nameStart, start: at, end: at + raw.length })
    }
    start += line.length + 1
  })
  return found
}
