const HERE = '$pass_access_scheme://$http_host$escaped_request_uri';

/** The sign-in URL with the parameter that leads back, unless it has one of that name (docs/reference/annotations.md §5.2). */
export function signInTemplate(url: string, parameter: string): string {
  const mark = url.indexOf('?');
  const query = mark < 0 ? '' : url.slice(mark + 1);
  if (query === '') return `${mark < 0 ? url : url.slice(0, mark)}?${parameter}=${HERE}`;
  const isThere = query
    .split('&')
    .some((part) => part.startsWith(`${parameter}=`) && part.length > parameter.length + 1);
  return isThere ? url : `${url}&${parameter}=${HERE}`;
}
