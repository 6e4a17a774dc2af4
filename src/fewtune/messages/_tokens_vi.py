"""Token: văn bản thành gì trong bộ tách từ, và mô hình viết được những gì."""

SENTENCES = {
    "target_positions": "{name} chỉ có vị trí cho {most:,} token khi viết, còn task.max_target_length là {asked:,}; hãy đặt task.max_target_length={most}",
    "plan_targets": "Phần được viết ra có trung vị {median:,} token, bách phân vị 95 là {p95:,}, nhiều nhất {longest:,}, tính cả token kết thúc.",
    "report_targets": "Phần được viết ra có trung vị {median} token, bách phân vị 95 là {p95}, nhiều nhất {longest}, tính cả token kết thúc.",
    "token_beyond": "{name}: bộ tách từ đánh số {id:,} cho token '{token}', còn mô hình chỉ biết các số dưới {known:,}; hãy dùng bộ tách từ đi kèm "
    "mô hình, hoặc mô hình được lưu sau khi đã thêm token này",
    "special_in_text": "{rows:,} trên {of_rows:,} hàng có {tokens} trong văn bản, bộ tách từ này đọc chúng là token điều khiển chứ không phải chữ; "
    "hãy viết khác đi trong dữ liệu, trừ khi đó là chủ ý",
    "special_in_reply": "{rows:,} trên {of_rows:,} hàng có {tokens} trong phần mô hình phải viết, bộ tách từ này đọc chúng là token điều khiển; mô hình sẽ "
    "học viết chúng, và với token kết thúc thì học dừng giữa chừng. Hãy viết khác đi trong dữ liệu",
    "end_is_padding": "'{token}' vừa kết thúc văn bản vừa dùng để đệm; chỗ kết thúc vẫn được học, vì phần đệm được nhận ra theo vị trí",
    "end_untrained": "mô hình chưa từng học '{token}', token kết thúc văn bản (vectơ nhúng toàn số 0), mà phương pháp này giữ nguyên vectơ nhúng, nên "
    "văn bản có thể không dừng; hãy bắt đầu từ phiên bản đã tinh chỉnh cho hội thoại, hoặc chọn task.chat_template khác",
}
