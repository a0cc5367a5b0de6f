/** The name or number at a JSON pointer (RFC 6901) of an answer; undefined where there is none that can be shown. */
export function identityIn(text: string, pointer: string): string | undefined {
  try {
    let value: unknown = JSON.parse(text)
    for (const part of pointer.split('/').slice(1)) {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
      value = (value as Record<string, unknown>)[name]
    }
    const shown = typeof value === 'number' ? String(value) : value
    return typeof shown === 'string' && shown.trim() !== '' ? shown.replaceAll(/\p{C}/gu, '?').slice(0, 200) : undefined
  } catch {
    return undefined
  }
}
