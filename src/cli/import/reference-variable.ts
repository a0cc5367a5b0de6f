/** The variable that stands for a credential where a file's reader puts variables in: `CLAVIGER_OPENAI_API_KEY`. */
export function variableOf(handle: string): string {
  return `CLAVIGER_${handle.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`
}
