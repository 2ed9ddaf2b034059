//! HTTP: from the bytes of a request to the route that answers it, and back.
