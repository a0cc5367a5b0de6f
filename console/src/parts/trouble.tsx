/** What went wrong: read aloud at once. */
export function Trouble({ says }: { readonly says: string | undefined }) {
  return (
    <div role="alert" className="alert-place">
      {says !== undefined && <p className="trouble">{says}</p>}
    </div>
  )
}
